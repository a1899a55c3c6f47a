//! The work of a worker on one lane during one tenure.

use crate::worker::SendOutcome;
use idp_application::{Cursor, LaneLease, LaneProgress};
use std::time::Instant;

/// One lane that the worker holds, as far as it knows.
#[derive(Debug)]
pub(crate) struct LaneWork {
    /// The lease; its position is behind the last event that the bus has acknowledged.
    lease: LaneLease,
    /// The number of the last event that the database knows to be done.
    recorded: i64,
    /// From then on nothing is sent, until the database has renewed the lease.
    deadline: Instant,
    /// After a failure: until when to leave the lane alone.
    resting_until: Option<Instant>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// The newest news up to which the lane was read to its end.
    pub(crate) news_read: u64,
    /// The round of reading in which the lane got events last.
    pub(crate) round_served: u64,
    /// Whether it is to be given back.
    pub(crate) leaving: bool,
    /// Whether it is read alone, because it may hold what cannot be read.
    pub(crate) suspect: bool,
}

impl LaneWork {
    pub(crate) fn new(lease: LaneLease, deadline: Instant) -> Self {
        Self {
            lease,
            recorded: lease.sequence,
            deadline,
            resting_until: None,
            failures: 0,
            news_read: 0,
            round_served: 0,
            leaving: false,
            suspect: false,
        }
    }

    pub(crate) fn lease(&self) -> LaneLease {
        self.lease
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.lease.epoch
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn may_send(&self, now: Instant) -> bool {
        now < self.deadline
    }

    /// Whether something was acknowledged that the database does not know of yet.
    pub(crate) fn has_progress(&self) -> bool {
        self.recorded < self.lease.sequence
    }

    pub(crate) fn progress(&self) -> LaneProgress {
        let LaneLease { lane, epoch, cursor, sequence } = self.lease;
        LaneProgress { lane, epoch, cursor, sequence }
    }

    /// The database took the progress, and renewed the lease until after `deadline`. Says how many
    /// events more it knows to be done.
    pub(crate) fn recorded(&mut self, progress: &LaneProgress, deadline: Instant) -> u64 {
        let before = self.recorded;
        self.recorded = before.max(progress.sequence);
        self.deadline = self.deadline.max(deadline);
        u64::try_from(self.recorded - before).unwrap_or_default()
    }

    /// Windows without events were read.
    pub(crate) fn passed(&mut self, through: Cursor) {
        self.lease.cursor = self.lease.cursor.max(through);
    }

    /// Moves behind what was accepted.
    pub(crate) fn sent(&mut self, outcome: &SendOutcome) {
        if outcome.sent > 0 {
            self.failures = 0;
            self.resting_until = None;
        }
        self.lease.cursor = outcome.cursor.unwrap_or(self.lease.cursor);
        self.lease.sequence += outcome.sent;
    }

    pub(crate) fn rest_until(&mut self, until: Instant) {
        self.resting_until = Some(until);
    }

    /// When its pause ends, if that is still to come.
    pub(crate) fn rests(&self, now: Instant) -> Option<Instant> {
        self.resting_until.filter(|until| now < *until)
    }
}
