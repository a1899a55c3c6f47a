use idp_domain::{Aggregate, DomainEvent, Pending, ReadModel, entity_id};

entity_id! { struct RoutePlanId; }

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created", since = 3)]
    Created,
}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan", softdelete)]
struct RoutePlan {
    #[aggregate(key)]
    id: RoutePlanId,
    events: Pending<RoutePlanEvent>,
}

#[derive(ReadModel, Clone)]
#[read_model(name = "route_plan_board", key = id, audit)]
struct RoutePlanBoard {
    id: RoutePlanId,
}

fn main() {}
