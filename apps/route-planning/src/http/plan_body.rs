//! A plan as clients get it.

use super::status_body::StatusBody;
use super::stop_body::{LocationBody, StopBody};
use crate::application::PlanState;
use crate::board::BoardRow;
use idp::http::IdText;
use idp::http::schemars::{self, JsonSchema};
use idp::prelude::*;
use route_planning_domain::{DriverId, RoutePlanId};
use serde::Serialize;

/// A route plan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoutePlan")]
pub(super) struct PlanBody {
    /// Its identity.
    #[schemars(with = "IdText")]
    id: RoutePlanId,
    /// Its version, which is also its `ETag`.
    version: i64,
    /// What people call it.
    reference: String,
    /// How far it has come.
    status: StatusBody,
    /// Larger goes first.
    priority: i32,
    /// Who drives it.
    #[schemars(with = "Option<IdText>")]
    driver: Option<DriverId>,
    /// How many stops it has.
    stop_count: u32,
    /// What the vehicle loads.
    load: u32,
    /// What it can load.
    capacity: u32,
    /// What the route costs, in tenths.
    cost_tenths: i64,
    /// Where the route starts and ends.
    depot: LocationBody,
    /// The visits, in order.
    stops: Vec<StopBody>,
}

impl PlanBody {
    /// The plan as a use case left it.
    pub(super) fn of(PlanState { plan, version }: &PlanState) -> Self {
        Self {
            id: plan.id(),
            version: *version,
            reference: plan.reference().to_owned(),
            status: StatusBody::of(plan.status()),
            priority: plan.priority(),
            driver: plan.driver(),
            stop_count: u32::try_from(plan.stops().len()).unwrap_or(u32::MAX),
            load: plan.load(),
            capacity: plan.capacity(),
            cost_tenths: plan.cost_tenths(),
            depot: LocationBody::of(plan.depot()),
            stops: plan.stops().iter().map(StopBody::of).collect(),
        }
    }

    /// The plan as the board shows it.
    pub(super) fn of_row(row: &BoardRow) -> Self {
        Self {
            id: row.plan_id,
            version: row.plan_version,
            reference: row.reference.clone(),
            status: StatusBody::of(row.status),
            priority: row.priority,
            driver: row.driver,
            stop_count: row.stop_count,
            load: row.load,
            capacity: row.capacity,
            cost_tenths: row.cost_tenths,
            depot: LocationBody::of(row.depot),
            stops: row.stops.iter().map(StopBody::of).collect(),
        }
    }
}
