use idp_domain::{DomainEvent, Pending, ReadModel, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(ReadModel, Clone)]
#[read_model(name = "route_plan_board", key = plan_id)]
struct RoutePlanBoard {
    plan_id: RoutePlanId,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
