//! What a use case answers: the plan as the commit leaves it.

use idp::prelude::*;
use route_planning_domain::RoutePlan;

/// A plan and the version that it has once the unit of work has committed.
#[derive(Clone, Debug)]
pub struct PlanState {
    /// The plan.
    pub plan: RoutePlan,
    /// Its version, from 1.
    pub version: i64,
}

impl PlanState {
    /// The plan after this unit of work, which has changed it.
    pub(super) fn after(plan: &Tracked<RoutePlan>) -> Self {
        Self { plan: RoutePlan::clone(plan), version: plan.version() + 1 }
    }

    /// A plan that this unit of work adds.
    pub(super) fn first(plan: &RoutePlan) -> Self {
        Self { plan: plan.clone(), version: 1 }
    }
}
