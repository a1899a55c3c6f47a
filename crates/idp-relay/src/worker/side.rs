//! The side tracks: what was set aside and is due now.

use super::send::{Send, side_send};
use super::{LaneWork, Step, Worker};
use idp_application::{Due, Lane, LaneLease, Settled, Settlement, SideBatch, Stream, Track};
use std::sync::Arc;
use std::time::Instant;

impl Worker {
    /// Asks for what is due, in the lanes that have not been asked for since it was time to.
    pub(super) fn ask_due(&mut self, now: Instant) -> Option<Step> {
        let pending = |work: &&LaneWork| work.side_pending && self.is_ready(work, now);
        let (suspects, trusted): (Vec<&LaneWork>, Vec<_>) =
            self.lanes.values().filter(pending).partition(|work| work.side_suspect);
        let lanes =
            if trusted.is_empty() { suspects.into_iter().take(1).collect() } else { trusted };
        let lanes = lanes.into_iter().take(self.lanes_at_once(now));
        let leases: Vec<LaneLease> = lanes.map(LaneWork::lease).collect();
        (!leases.is_empty()).then_some(Step::Due(leases))
    }

    /// Takes what is due, and says what is to be sent.
    pub(crate) fn on_due(&mut self, asked: &[LaneLease], due: Due, now: Instant) -> Vec<Send> {
        self.answered();
        for lease in asked {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.side_pending = false;
                (work.side_suspect, work.side_unreadable) = (false, false);
            }
        }
        if let Some(next) = due.next {
            self.due.side_at = self.due.side_at.min(now + next);
        }
        due.batches.into_iter().filter_map(|batch| self.send_due(asked, batch, now)).collect()
    }

    /// What is set aside in one of the lanes cannot be read: they are asked for one by one, and that lane
    /// the next time that it is time to look. What is in the log goes on. Says whether it is known which.
    pub(crate) fn on_due_unreadable(&mut self, asked: &[LaneLease]) -> bool {
        self.answered();
        let is_known = asked.len() == 1;
        for lease in asked {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.side_suspect = true;
                work.side_pending &= !is_known;
                work.side_unreadable |= is_known;
            }
        }
        is_known
    }

    fn send_due(&mut self, asked: &[LaneLease], batch: SideBatch, now: Instant) -> Option<Send> {
        let lane = batch.lane;
        let asked = asked.iter().find(|lease| lease.lane == lane)?;
        let work = self.lanes.get_mut(&lane).filter(|work| work.epoch() == asked.epoch)?;
        work.side_pending = true; // There may be more.
        if batch.entries.is_empty() {
            work.side_pending = false;
            return None;
        }
        if !work.may_send(now) || !self.sending.insert(lane) {
            return None; // What was given is given again.
        }
        let until = (now + self.config.publish_timeout).min(work.deadline());
        let part = self.part();
        for entry in &batch.entries {
            self.tenants.take_ahead(&entry.envelope.tenant, now, part);
        }
        let stream = Stream { target: self.target.name_shared(), lane, track: Track::Side };
        Some(side_send(&self.target, *asked, &Arc::new(stream), batch, until))
    }

    /// Records what came of a send of a side track.
    pub(super) fn settle(&self) -> Option<Step> {
        self.lanes.values().find_map(|work| work.to_settle.clone()).map(Step::Settle)
    }

    /// The log knows now. Says whether the lane is lost.
    pub(crate) fn on_settled(&mut self, asked: &Settlement, settled: &Settled) -> bool {
        self.answered();
        let work = self.lanes.get_mut(&asked.lane).filter(|work| work.epoch() == asked.epoch);
        let Some(work) = work else { return false };
        match settled {
            Settled::Fenced => {
                self.lanes.remove(&asked.lane);
                true
            }
            Settled::Done { unblocked } => {
                work.to_settle = None;
                work.side_pending = true;
                let blocked = work.blocked.get_or_insert_default();
                unblocked.iter().for_each(|key| blocked.remove(key));
                false
            }
        }
    }

    /// It is time to look for what is due in all lanes.
    pub(super) fn note_side_time(&mut self, now: Instant) {
        if now >= self.due.side_at {
            self.due.side_at = now + self.config.side_poll_interval;
            self.lanes.values_mut().for_each(|work| work.side_pending = true);
        }
    }

    /// Whether something of the lane is waiting for the database.
    pub(super) fn is_drained(&self, lane: Lane) -> bool {
        !self.sending.contains(&lane) && self.lanes.get(&lane).is_none_or(LaneWork::is_settled)
    }
}
