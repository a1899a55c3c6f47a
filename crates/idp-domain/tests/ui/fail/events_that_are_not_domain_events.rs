use idp_domain::{Aggregate, Pending, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(Clone, Debug)]
enum RoutePlanEvent {
    Created,
}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: RoutePlanId,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
