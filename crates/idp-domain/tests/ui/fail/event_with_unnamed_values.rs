use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.moved")]
    Moved(i32, i32),
}

fn main() {}
