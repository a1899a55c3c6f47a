use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created", version = 0)]
    Created,
}

fn main() {}
