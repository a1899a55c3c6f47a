//! Plans a new route.

use super::PlanState;
use idp::prelude::*;
use route_planning_domain::{NewRoutePlan, RoutePlan, RoutePlanError};

/// Plan this route.
#[derive(Clone, Debug)]
pub struct CreateRoutePlan {
    /// What the plan is made of.
    pub plan: NewRoutePlan,
}

/// The new plan, which is ready. Fails with [`Duplicate`](ErrorKind::Duplicate), at the commit, when
/// the tenant has a plan of that reference.
pub async fn create_route_plan(
    uow: Uow,
    cmd: CreateRoutePlan,
) -> Result<PlanState, Failure<RoutePlanError>> {
    let plan = RoutePlan::create(uow.new_id(), cmd.plan)?;
    let state = PlanState::first(&plan);
    uow.add(plan)?;
    Ok(state)
}
