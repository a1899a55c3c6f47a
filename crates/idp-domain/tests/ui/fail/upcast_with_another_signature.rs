use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created", version = 2, upcast = from_v1)]
    Created,
}

fn from_v1(payload: serde_json::Value) -> serde_json::Value {
    payload
}

fn main() {}
