//! What a worker wants done next.

use idp_application::{Lane, LaneLease, LaneRecord, Settlement};
use std::time::Instant;

/// One step. Steps that ask something of the log are answered by the method of
/// [`Worker`](super::Worker) that stands beside them, or by `on_error`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Say that the worker is alive; `on_joined`.
    Join,
    /// Record and renew; `on_recorded`.
    Record(Vec<LaneRecord>),
    /// Record what came of a send of a side track; `on_settled`.
    Settle(Settlement),
    /// Claim that many more lanes; `on_claimed`.
    Claim(u16),
    /// Give these back; `on_released`. The worker has forgotten them already.
    Release(Vec<LaneLease>),
    /// Ask which keys are blocked in these lanes; `on_blocked`.
    Blocked(Vec<Lane>),
    /// Ask for what is due on the side tracks of these lanes; `on_due`.
    Due(Vec<LaneLease>),
    /// Read on; `on_read`, or `on_unreadable` when what is stored cannot be read.
    Read(Reading),
    /// Nothing to do before that instant, unless something happens.
    Wait(Instant),
    /// The worker has stopped.
    End(Ending),
}

/// Lanes to read on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// From where.
    pub(crate) leases: Vec<LaneLease>,
    /// What was known to be new when the reading began.
    pub(crate) news: u64,
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything sent is recorded and all leases are given back.
    Clean,
    /// The log did not answer in time: so many lanes end as after a crash.
    GaveUp { lanes: usize },
}
