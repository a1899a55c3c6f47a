use idp_domain::{ReadModel, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(ReadModel, Clone)]
#[read_model(name = "route_plan_board", key = plan_id)]
struct RoutePlanBoard {
    plan_id: Option<RoutePlanId>,
    stops: i32,
}

fn main() {}
