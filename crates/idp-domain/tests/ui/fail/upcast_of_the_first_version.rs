use idp_domain::DomainEvent;

#[derive(DomainEvent, Clone, Debug)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created", upcast = from_v1)]
    Created,
}

fn from_v1(_: u32, payload: serde_json::Value) -> Result<serde_json::Value, String> {
    Ok(payload)
}

fn main() {}
