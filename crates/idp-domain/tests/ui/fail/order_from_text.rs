use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; struct DriverId; }

#[derive(DomainEvent, Clone, Debug)]
enum NoEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: RoutePlanId,
    priority: i32,
    stops: Vec<String>,
    driver: Option<DriverId>,
    events: Pending<NoEvent>,
}

fn newest_by(_: impl idp_domain::OrderOf<RoutePlan>) {}

fn main() {
    newest_by("priority; drop table route_plan");
}
