use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: RoutePlanId,
    #[aggregate(id)]
    successor: RoutePlanId,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
