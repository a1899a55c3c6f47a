//! What a worker makes of the answers of the log and of the ends of its sends.

use super::share::share_of;
use super::{LaneWork, SendOutcome, Worker};
use idp_application::{Lane, LaneLease, LaneProgress, Membership};
use std::time::{Duration, Instant};

/// What became of progress.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    /// How many events are recorded as done that were not before.
    pub(crate) events: u64,
    /// The lanes that are lost: nothing more may be sent of them.
    pub(crate) fenced: Vec<Lane>,
}

impl Worker {
    /// It is on the list of the living. Above its share, it picks the lanes to leave: those without
    /// work first.
    pub(crate) fn on_joined(&mut self, membership: Membership) {
        self.answered();
        self.due.join = false;
        let share = share_of(membership);
        self.share = Some(share);
        let surplus = self.lanes.len().saturating_sub(share);
        let sending = &self.sending;
        let mut lanes: Vec<(&Lane, &mut LaneWork)> = self.lanes.iter_mut().rev().collect();
        lanes.sort_by_key(|(lane, work)| sending.contains(lane) || work.has_progress());
        for (place, (_, work)) in lanes.into_iter().enumerate() {
            work.leaving = place < surplus;
        }
    }

    /// The log recorded the progress of the lanes that it names. The others are lost.
    pub(crate) fn on_advanced(
        &mut self,
        asked: &[LaneProgress],
        asked_at: Instant,
        held: &[Lane],
    ) -> Advanced {
        self.answered();
        self.due.renew = false;
        let deadline = self.deadline(asked_at);
        let mut advanced = Advanced::default();
        for progress in asked {
            let work = self.lanes.get_mut(&progress.lane);
            let Some(work) = work.filter(|work| work.epoch() == progress.epoch) else { continue };
            if held.contains(&progress.lane) {
                advanced.events += work.recorded(progress, deadline);
            } else {
                self.lanes.remove(&progress.lane);
                advanced.fenced.push(progress.lane);
            }
        }
        advanced
    }

    /// The log granted these. A lane whose last send has not ended yet is not read before it has.
    pub(crate) fn on_claimed(&mut self, leases: &[LaneLease], asked_at: Instant) {
        self.answered();
        self.due.claim = false;
        let deadline = self.deadline(asked_at);
        for lease in leases {
            self.lanes.insert(lease.lane, LaneWork::new(*lease, deadline));
        }
    }

    /// The log took the leases back.
    pub(crate) fn on_released(&mut self) {
        self.answered();
        if let Some(stopping) = &mut self.stopping {
            stopping.signed_off = true;
            self.lanes.clear();
        }
    }

    /// The log could not be asked, or its answer was lost: nothing is known. Gives the pause before
    /// it is asked again.
    pub(crate) fn on_error(&mut self, now: Instant) -> Duration {
        self.log_failures = self.log_failures.saturating_add(1);
        let pause = self.pause_after(self.log_failures);
        self.pause_until = Some(now + pause);
        pause
    }

    /// A send ended. Gives the pause of its lane, if it failed and the lane is still held.
    pub(crate) fn on_sent(&mut self, outcome: &SendOutcome, now: Instant) -> Option<Duration> {
        self.sending.remove(&outcome.lane);
        let work = self.lanes.get_mut(&outcome.lane)?;
        if work.epoch() != outcome.epoch {
            return None; // Of an earlier tenure: its successor started where the log said.
        }
        work.sent(outcome);
        outcome.error.as_ref()?;
        work.failures = work.failures.saturating_add(1);
        let pause = self.backoff.pause_after(work.failures);
        work.rest_until(now + pause);
        Some(pause)
    }

    pub(super) fn answered(&mut self) {
        self.log_failures = 0;
        self.pause_until = None;
    }
}
