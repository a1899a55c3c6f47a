use idp_domain::DomainEvent;

#[derive(Clone, Debug)]
struct Place {
    latitude: f64,
}

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.moved")]
    Moved { to: Place },
    #[event(name = "route_plan.measured")]
    Measured { distance: u64 },
}

fn main() {}
