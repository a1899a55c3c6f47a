use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created")]
    Created,
    #[event(name = "route_plan.created")]
    Dispatched,
}

fn main() {}
