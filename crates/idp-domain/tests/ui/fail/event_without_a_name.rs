use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created")]
    Created,
    StopAdded { name: String },
}

fn main() {}
