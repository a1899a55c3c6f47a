//! What a worker makes of the answers of the log and of the ends of its sends.

use super::send::Sent;
use super::share::share_of;
use super::sorting::Refusal;
use super::{LaneWork, SendOutcome, Worker};
use idp_application::{Lane, LaneLease, LaneRecord, Membership, PublishFailure};
use std::time::{Duration, Instant};

/// What became of progress.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
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
        self.lanes_in_all = membership.lanes.into();
        let surplus = self.lanes.len().saturating_sub(share);
        let sending = &self.sending;
        let mut lanes: Vec<(&Lane, &mut LaneWork)> = self.lanes.iter_mut().rev().collect();
        lanes.sort_by_key(|(lane, work)| sending.contains(lane) || !work.is_settled());
        for (place, (_, work)) in lanes.into_iter().enumerate() {
            work.leaving = place < surplus;
        }
    }

    /// The log recorded the progress of the lanes that it names. The others are lost.
    pub(crate) fn on_recorded(
        &mut self,
        asked: &[LaneRecord],
        asked_at: Instant,
        held: &[Lane],
    ) -> Recorded {
        self.answered();
        self.note_recorded(asked.iter().map(|record| record.progress.lane));
        let deadline = self.deadline(asked_at);
        let mut recorded = Recorded::default();
        for LaneRecord { progress, .. } in asked {
            let work = self.lanes.get_mut(&progress.lane);
            let Some(work) = work.filter(|work| work.epoch() == progress.epoch) else { continue };
            if held.contains(&progress.lane) {
                recorded.events += work.recorded(progress, deadline);
            } else {
                self.lanes.remove(&progress.lane);
                recorded.fenced.push(progress.lane);
            }
        }
        recorded
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
        self.pages.failed();
        self.pages_apart.failed();
        self.log_failures = self.log_failures.saturating_add(1);
        let pause = self.pause_after(self.log_failures);
        self.pause_until = Some(now + pause);
        pause
    }

    /// A send ended. Gives the pause of its lane, if it failed and the lane is still held.
    pub(crate) fn on_sent(&mut self, outcome: SendOutcome, now: Instant) -> Option<Duration> {
        self.sending.remove(&outcome.lane);
        self.note_bus(&outcome, now);
        let lane = outcome.lane;
        let tenant = outcome.tenant.clone();
        let progressed = outcome.messages() > 0;
        let failure =
            outcome.failure.as_ref().map(|(failure, error)| (*failure, error.to_string()));
        let refused = match &outcome.sent {
            Sent::Main(main) => main.next,
            Sent::Nothing | Sent::Side { .. } => None,
        };
        if !self.on_moved(outcome) {
            return None; // Of an earlier tenure: its successor started where the log said.
        }
        let work = self.lanes.get_mut(&lane)?;
        let mut asked = Duration::ZERO;
        match failure? {
            (PublishFailure::Refused, error) => {
                let refusal = refused.map(|event| Refusal { event, error });
                work.refused(tenant.as_ref(), refusal);
                return None;
            }
            (PublishFailure::Fenced, _) => {
                // The database says whether that is so.
                work.suspend(now);
                self.due.renew = true;
            }
            (PublishFailure::Throttled(Some(Duration::ZERO)), _) if progressed => return None,
            (PublishFailure::TopicUnavailable(pause), _) => {
                asked = pause.unwrap_or_default().min(self.config.throttle_max);
            }
            (PublishFailure::Unavailable | PublishFailure::Throttled(_), _) => {}
        }
        work.failures = work.failures.saturating_add(1);
        let pause = self.backoff.pause_after(work.failures).max(asked);
        work.rest_until(now + pause);
        Some(pause)
    }

    /// Moves the lane behind what is done. False when the worker has no part in it any more.
    pub(super) fn on_moved(&mut self, outcome: SendOutcome) -> bool {
        let work = self.lanes.get_mut(&outcome.lane);
        let Some(work) = work.filter(|work| work.epoch() == outcome.epoch) else { return false };
        match outcome.sent {
            Sent::Nothing => {}
            Sent::Main(sent) => match &outcome.tenant {
                None => work.moved(sent),
                Some(tenant) => work.track_moved(tenant, sent),
            },
            Sent::Side { settlement, .. } => {
                work.went_well();
                work.to_settle = Some(settlement);
            }
        }
        true
    }

    /// Tells the breaker what the send says about the bus as a whole.
    fn note_bus(&mut self, outcome: &SendOutcome, now: Instant) {
        let failure = outcome.failure.as_ref().map(|(failure, _)| *failure);
        // Of what is gone the bus was not asked.
        let answers = matches!(failure, None | Some(PublishFailure::Refused)) && outcome.gone == 0;
        if (answers || outcome.messages() > 0) && self.breaker.succeeded() {
            self.lanes.values_mut().for_each(LaneWork::went_well);
        }
        let pause = self.backoff.pause_after(self.breaker.failures_with_one_more());
        match failure {
            Some(PublishFailure::Unavailable) => self.breaker.failed(pause, now),
            // It took a part and wants to be asked for the rest: no failure.
            Some(PublishFailure::Throttled(Some(Duration::ZERO))) if outcome.messages() > 0 => {}
            Some(PublishFailure::Throttled(asked)) => {
                let pause = asked.unwrap_or(pause).min(self.config.throttle_max);
                self.breaker.throttled(pause, now);
            }
            // Of one place of many: its lane rests, of the rest nothing is known.
            Some(PublishFailure::TopicUnavailable(_)) => {}
            None | Some(PublishFailure::Refused | PublishFailure::Fenced) => {}
        }
    }

    pub(super) fn answered(&mut self) {
        self.log_failures = 0;
        self.pause_until = None;
    }
}
