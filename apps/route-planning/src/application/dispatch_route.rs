//! Gives a plan to a driver.

use super::PlanState;
use idp::prelude::*;
use route_planning_domain::{DriverId, RoutePlan, RoutePlanError, RoutePlanId};

/// Dispatch this plan.
#[derive(Clone, Copy, Debug)]
pub struct DispatchRoute {
    /// Which plan.
    pub plan: RoutePlanId,
    /// Who drives.
    pub driver: DriverId,
}

/// The plan, now in progress.
pub async fn dispatch_route(
    uow: Uow,
    cmd: DispatchRoute,
) -> Result<PlanState, Failure<RoutePlanError>> {
    let mut plan = uow.get::<RoutePlan>(cmd.plan).await?;
    plan.dispatch(cmd.driver)?;
    Ok(PlanState::after(&plan))
}
