//! What the tests begin with.

use idp::application::Actor;
use idp::memory::MemoryStore;
use idp::prelude::*;
use route_planning::application::{CreateRoutePlan, PlanState, create_route_plan};
use route_planning::bootstrap::Core;
use route_planning_domain::{DriverId, Location, NewRoutePlan, Stop};
use std::sync::Arc;

/// Somebody who works for the tenant.
pub(crate) fn somebody_of(tenant: &str) -> Context {
    Context::new(TenantId::new(tenant).expect("a tenant"), Actor::new("ann"))
}

/// Somebody of the tenant that most tests are about.
pub(crate) fn ann() -> Context {
    somebody_of("acme")
}

/// An application over a new store in memory, which knows the tables.
pub(crate) async fn application() -> Application {
    let core = Core::over(Arc::new(MemoryStore::default())).await;
    core.expect("the tables can be made").app
}

/// The driver of that number.
pub(crate) fn driver(number: u128) -> DriverId {
    DriverId::from_uuid(idp::domain::Uuid::from_u128(number))
}

/// A plan of two stops.
pub(crate) fn new_plan(reference: &str, priority: i32) -> NewRoutePlan {
    let stop = |customer: u32, x, y, demand| Stop {
        customer,
        location: Location { x, y },
        demand,
        window: None,
    };
    NewRoutePlan {
        reference: reference.into(),
        depot: Location { x: 0.0, y: 0.0 },
        stops: vec![stop(1, 3.0, 0.0, 4), stop(2, 3.0, 4.0, 5)],
        capacity: 10,
        cost_tenths: 120,
        priority,
    }
}

/// A plan that is there already.
pub(crate) async fn given_plan(app: &Application, reference: &str, priority: i32) -> PlanState {
    let cmd = CreateRoutePlan { plan: new_plan(reference, priority) };
    let created = app.run(ann(), |uow| create_route_plan(uow, cmd.clone())).await;
    created.expect("the plan keeps the rules")
}
