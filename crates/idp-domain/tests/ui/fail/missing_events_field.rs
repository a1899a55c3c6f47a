use idp_domain::{Aggregate, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: RoutePlanId,
    reference: String,
}

fn main() {}
