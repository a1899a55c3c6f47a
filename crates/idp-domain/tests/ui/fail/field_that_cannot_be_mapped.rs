use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Clone, Debug, PartialEq)]
struct Carrier {
    name: String,
}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: RoutePlanId,
    distance: u64,
    carrier: Carrier,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
