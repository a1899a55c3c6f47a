//! `If-Match` on a plan.

use idp::http::{IfMatch, Problem};
use idp::prelude::*;
use route_planning_domain::{RoutePlan, RoutePlanId};

/// 412 unless the caller has seen the plan as it is now.
///
/// It looks inside of the unit of work, which keeps the plan: the use case gets the same one, and
/// the commit is refused if anybody changes it in between.
pub(super) async fn check(uow: &Uow, plan: RoutePlanId, if_match: &IfMatch) -> Result<(), Problem> {
    if if_match.is_present() {
        if_match.check(uow.get::<RoutePlan>(plan).await?.version())?;
    }
    Ok(())
}
