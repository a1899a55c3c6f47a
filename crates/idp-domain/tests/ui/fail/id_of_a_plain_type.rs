use idp_domain::{Aggregate, DomainEvent, Pending};

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    id: i64,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
