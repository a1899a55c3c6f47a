//! A plan with its times, as the board shows it.

use super::plan_body::PlanBody;
use crate::board::BoardRow;
use idp::http::TimeText;
use idp::http::schemars::{self, JsonSchema};
use idp::prelude::*;
use serde::Serialize;

/// A route plan with the times of its changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BoardPlan")]
pub(super) struct BoardBody {
    #[serde(flatten)]
    plan: PlanBody,
    /// When it was created.
    #[schemars(with = "TimeText")]
    planned_at: Timestamp,
    /// When a driver set out.
    #[schemars(with = "Option<TimeText>")]
    dispatched_at: Option<Timestamp>,
    /// When every stop was served.
    #[schemars(with = "Option<TimeText>")]
    completed_at: Option<Timestamp>,
}

impl BoardBody {
    pub(super) fn of(row: &BoardRow) -> Self {
        Self {
            plan: PlanBody::of_row(row),
            planned_at: row.planned_at,
            dispatched_at: row.dispatched_at,
            completed_at: row.completed_at,
        }
    }
}
