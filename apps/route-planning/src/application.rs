//! The use cases: one file each, and what they find plans by.

mod complete_route;
mod create_route_plan;
mod dispatch_next_route;
mod dispatch_route;
mod plan_state;
mod route_plans;

pub use complete_route::{CompleteRoute, complete_route};
pub use create_route_plan::{CreateRoutePlan, create_route_plan};
pub use dispatch_next_route::{DispatchNextRoute, dispatch_next_route};
pub use dispatch_route::{DispatchRoute, dispatch_route};
pub use plan_state::PlanState;
pub use route_plans::RoutePlans;
