use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan", unique(referense), index(priority, events))]
struct RoutePlan {
    id: RoutePlanId,
    reference: String,
    priority: i32,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
