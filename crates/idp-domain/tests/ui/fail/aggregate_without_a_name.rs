use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
struct RoutePlan {
    id: RoutePlanId,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
