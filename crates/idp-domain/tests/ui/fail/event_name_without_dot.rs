use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "created")]
    Created,
}

fn main() {}
