//! What a worker can do, and what the database answers.

use super::lane::LaneModel;
use super::state::{Send, State, Tenure};

/// How often something goes wrong beside expiries, of whatever kind.
const FAULTS_MAX: u8 = 1;

/// One step of one worker; those that say so go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Claims,
    /// Reads on and starts a send, of which nothing has arrived yet.
    Sends,
    /// The next message of its send arrives.
    MessageArrives,
    /// Learns that the whole send was taken over.
    IsAcknowledged,
    /// Learns that the bus refused the next message; what was before it is acknowledged.
    IsRefused,
    /// Gives the send up: it does not know what has arrived, and the rest may arrive later.
    GetsNoAnswer,
    /// *Advance*: records and renews.
    Records,
    /// *Advance* is done, but its answer is lost.
    RecordsUnanswered,
    /// *Advance* without progress.
    Renews,
    Releases,
    DeadlinePasses,
    Crashes,
}

impl LaneModel {
    pub(super) fn acts(&self, state: &State, worker: usize) -> Vec<Act> {
        let Some(tenure) = &state.workers[worker] else {
            let is_free = !state.row.is_owned || state.row.is_expired;
            return if is_free { vec![Act::Claims] } else { vec![] };
        };
        let mut acts = Vec::new();
        let mut may = |act, condition: bool| acts.extend(condition.then_some(act));
        let may_fail = state.faults.others() < FAULTS_MAX;
        let (is_idle, to_record) = (tenure.send.is_none(), tenure.acknowledged > tenure.recorded);
        let has_the_lease = self.is_accepted(state, tenure);
        may(Act::Sends, self.may_send(tenure));
        if let Some(send) = tenure.send {
            may(Act::MessageArrives, !send.has_arrived());
            may(Act::IsAcknowledged, send.has_arrived());
            may(Act::IsRefused, !send.has_arrived() && may_fail);
            may(Act::GetsNoAnswer, may_fail);
        }
        may(Act::Records, to_record);
        may(
            Act::RecordsUnanswered,
            to_record && state.row.recorded < tenure.acknowledged && has_the_lease,
        );
        may(
            Act::Renews,
            !to_record && (!tenure.may_send || !has_the_lease || state.row.is_expired),
        );
        may(Act::Releases, is_idle && !to_record && has_the_lease && may_fail);
        may(Act::DeadlinePasses, self.rules.deadline && tenure.may_send);
        may(Act::Crashes, may_fail);
        acts
    }

    fn may_send(&self, tenure: &Tenure) -> bool {
        let is_recorded = tenure.acknowledged == tenure.recorded;
        tenure.send.is_none()
            && tenure.may_send
            && tenure.read < self.events
            && (is_recorded || !self.rules.recorded_before_more)
    }

    /// `WHERE l.epoch = i.epoch AND l.owner IS NOT NULL`: nothing about the time.
    fn is_accepted(&self, state: &State, tenure: &Tenure) -> bool {
        let is_epoch = tenure.epoch == state.row.epoch || !self.rules.epoch_checked;
        is_epoch && state.row.is_owned
    }

    pub(super) fn act(&self, state: &mut State, worker: usize, act: Act) -> Option<()> {
        match act {
            Act::Claims => self.claim(state, worker),
            Act::Sends => self.send(state, worker)?,
            Act::Records => self.advance(state, worker)?,
            Act::RecordsUnanswered => self.record(state, worker)?,
            Act::Renews => self.advance(state, worker)?,
            Act::Releases => {
                state.row.is_owned = false;
                state.row.is_expired = false;
                state.faults.releases += 1;
                state.workers[worker] = None;
            }
            Act::Crashes => {
                state.faults.crashes += 1;
                state.forget(worker);
            }
            Act::DeadlinePasses => state.workers[worker].as_mut()?.may_send = false,
            Act::MessageArrives => {
                let send = state.workers[worker].as_mut()?.send.as_mut()?;
                send.next += 1;
                let event = send.next - 1;
                state.bus.take(event);
            }
            Act::IsAcknowledged | Act::IsRefused | Act::GetsNoAnswer => {
                self.end_send(state, worker, act)?;
            }
        }
        Some(())
    }

    fn claim(&self, state: &mut State, worker: usize) {
        state.faults.lost_tenures += u8::from(state.row.is_owned);
        state.row.epoch += 1;
        state.row.is_owned = true;
        state.row.is_expired = false;
        let recorded = state.row.recorded;
        state.workers[worker] = Some(Tenure {
            epoch: state.row.epoch,
            recorded,
            acknowledged: recorded,
            read: recorded,
            may_send: true,
            send: None,
        });
    }

    fn send(&self, state: &mut State, worker: usize) -> Option<()> {
        let tenure = state.workers[worker].as_mut()?;
        let last = self.events.min(tenure.read + self.batch);
        tenure.send = Some(Send { next: tenure.read + 1, last });
        tenure.read = last;
        if !self.rules.acknowledged_first {
            tenure.acknowledged = last;
            self.advance(state, worker)?;
        }
        Some(())
    }

    fn end_send(&self, state: &mut State, worker: usize, act: Act) -> Option<()> {
        let tenure = state.workers[worker].as_mut()?;
        let send = tenure.send.take()?;
        match act {
            Act::GetsNoAnswer => {}
            _ => tenure.acknowledged = tenure.acknowledged.max(send.next - 1),
        }
        if self.rules.from_acknowledged {
            tenure.read = tenure.acknowledged;
        }
        state.faults.refusals += u8::from(act == Act::IsRefused);
        if act == Act::GetsNoAnswer {
            state.faults.left_open += 1;
            state.leave_behind(Some(send));
        }
        Some(())
    }

    /// What the database does: a position never moves back. It does not look at the time.
    fn record(&self, state: &mut State, worker: usize) -> Option<()> {
        let tenure = state.workers[worker].as_ref()?;
        state.row.recorded = state.row.recorded.max(tenure.acknowledged);
        state.row.is_expired = false;
        Some(())
    }

    /// Records, and learns whether the lease is still there.
    fn advance(&self, state: &mut State, worker: usize) -> Option<()> {
        if self.is_accepted(state, state.workers[worker].as_ref()?) {
            self.record(state, worker)?;
            let tenure = state.workers[worker].as_mut()?;
            tenure.recorded = tenure.acknowledged;
            tenure.may_send = true;
        } else {
            state.forget(worker);
        }
        Some(())
    }
}
