//! Gives a driver who asks for work the most urgent plan.

use super::{PlanState, RoutePlans};
use idp::prelude::*;
use route_planning_domain::{DriverId, RoutePlanError};

/// Give this driver something to drive.
#[derive(Clone, Copy, Debug)]
pub struct DispatchNextRoute {
    /// Who asks.
    pub driver: DriverId,
}

/// The plan that the driver got; `None` when nothing is ready.
///
/// Two drivers who ask at once never get the same plan: the slower commit meets a conflict, and the
/// use case runs again for it, on what is ready then.
pub async fn dispatch_next_route(
    uow: Uow,
    cmd: DispatchNextRoute,
) -> Result<Option<PlanState>, Failure<RoutePlanError>> {
    let Some(mut plan) = uow.repository().ready(1).await?.pop() else { return Ok(None) };
    plan.dispatch(cmd.driver)?;
    Ok(Some(PlanState::after(&plan)))
}
