use idp_domain::{Aggregate, DomainEvent, Pending};

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {}

#[derive(Aggregate, Clone)]
#[aggregate(name = "route_plan")]
struct RoutePlan {
    reference: String,
    events: Pending<RoutePlanEvent>,
}

fn main() {}
