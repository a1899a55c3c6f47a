//! Closes a plan whose stops were all served.

use super::PlanState;
use idp::prelude::*;
use route_planning_domain::{RoutePlan, RoutePlanError, RoutePlanId};

/// Complete this plan.
#[derive(Clone, Copy, Debug)]
pub struct CompleteRoute {
    /// Which plan.
    pub plan: RoutePlanId,
}

/// The plan, now done.
pub async fn complete_route(
    uow: Uow,
    cmd: CompleteRoute,
) -> Result<PlanState, Failure<RoutePlanError>> {
    let mut plan = uow.get::<RoutePlan>(cmd.plan).await?;
    plan.complete()?;
    Ok(PlanState::after(&plan))
}
