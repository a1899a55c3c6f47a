use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: RoutePlanId,
    events: Pending<RoutePlanEvent>,
    more_events: Pending<RoutePlanEvent>,
}

fn main() {}
