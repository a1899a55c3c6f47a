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

#[derive(Aggregate, Clone)]
#[aggregate(name = "driver")]
struct Driver {
    id: DriverId,
    rank: i32,
    events: Pending<NoEvent>,
}

fn main() {
    let _ = RoutePlan::PRIORITY.gt(3) & Driver::RANK.lt(2);
}
