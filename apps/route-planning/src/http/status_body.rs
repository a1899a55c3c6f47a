//! A status as clients write it.

use idp::http::schemars::{self, JsonSchema};
use route_planning_domain::Status;
use serde::{Deserialize, Serialize};

/// How far a plan has come.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Status")]
pub(super) enum StatusBody {
    /// Nobody drives it yet.
    Ready,
    /// A driver is on the way.
    InProgress,
    /// Every stop was served.
    Done,
}

impl StatusBody {
    pub(super) fn of(status: Status) -> Self {
        match status {
            Status::Ready => Self::Ready,
            Status::InProgress => Self::InProgress,
            Status::Done => Self::Done,
        }
    }

    pub(super) fn status(self) -> Status {
        match self {
            Self::Ready => Status::Ready,
            Self::InProgress => Status::InProgress,
            Self::Done => Status::Done,
        }
    }
}
