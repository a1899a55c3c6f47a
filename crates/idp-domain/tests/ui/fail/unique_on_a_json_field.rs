use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan", unique(stops))]
struct RoutePlan {
    id: RoutePlanId,
    stops: Vec<String>,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
