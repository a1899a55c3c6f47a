//! Which lanes are read next, and what becomes of what was read.

use super::blocked::Blocked;
use super::breaker::Passage;
use super::pages::{Asked, Pages, keep_one_send};
use super::send::{Send, Ticket};
use super::sorting::{Bounds, Sorting};
use super::step::TracksReading;
use super::{LaneWork, Reading, Step, Worker};
use idp_application::{BlockedKey, Lane, LaneBatch};
use std::collections::BTreeSet;
use std::time::Instant;

impl Worker {
    /// Asks which keys are blocked in the lanes of which that is not known.
    pub(super) fn ask_blocked(&self, now: Instant) -> Option<Step> {
        let unknown = self.to_ask(|work| work.blocked.is_none(), now);
        let lanes: Vec<Lane> = unknown.into_iter().map(|work| work.lease().lane).collect();
        (!lanes.is_empty()).then_some(Step::Blocked(lanes))
    }

    /// Of the lanes that are wanted and do not rest, all that can be trusted, or one that cannot.
    pub(super) fn to_ask(
        &self,
        wanted: impl Fn(&&LaneWork) -> bool,
        now: Instant,
    ) -> Vec<&LaneWork> {
        let awake = |work: &&LaneWork| work.rests(now).is_none();
        let (suspects, trusted): (Vec<_>, Vec<_>) =
            self.lanes.values().filter(wanted).filter(awake).partition(|work| work.suspect);
        if trusted.is_empty() { suspects.into_iter().take(1).collect() } else { trusted }
    }

    /// These are the blocked keys of those lanes.
    pub(crate) fn on_blocked(&mut self, asked: &[Lane], keys: Vec<BlockedKey>) {
        self.answered();
        for lane in asked {
            if let Some(work) = self.lanes.get_mut(lane) {
                work.blocked.get_or_insert_default();
            }
        }
        for BlockedKey { lane, key, events } in keys {
            if let Some(work) = self.lanes.get_mut(&lane) {
                work.blocked.get_or_insert_default().insert(key, events);
            }
        }
    }

    /// Reads on from all lanes that wait for it. Lanes that got events wait until the others had
    /// their turn; lanes that may hold what cannot be read are read one by one.
    pub(super) fn read(&mut self, now: Instant) -> Option<Step> {
        if self.duty.rests(now).is_some() {
            return None;
        }
        let is_ready = |work: &&LaneWork| self.is_ready(work, now) && self.has_turn(work, now);
        let ready: Vec<&LaneWork> = self.lanes.values().filter(is_ready).collect();
        if self.waits_for_company(ready.len(), now).is_some() {
            return None;
        }
        let mut waiting = ready.clone();
        waiting.retain(|work| work.round_served < self.round);
        if waiting.is_empty() {
            waiting = ready;
            self.round += 1;
        }
        let (suspects, trusted): (Vec<&LaneWork>, Vec<_>) =
            waiting.into_iter().partition(|work| work.suspect);
        // Both kinds take turns, so that neither waits for the other to have nothing to read.
        self.suspect_last = !suspects.is_empty() && (trusted.is_empty() || !self.suspect_last);
        let chosen =
            if self.suspect_last { suspects.into_iter().take(1).collect() } else { trusted };
        let chosen = chosen.into_iter().take(self.lanes_at_once(now));
        let (apart, together): (Vec<&LaneWork>, Vec<_>) =
            chosen.partition(|work| work.has_tracks());
        // Lanes of both kinds take turns.
        let news = self.news;
        let apart_first = !self.apart_last || together.is_empty();
        let turns = self.turns_together(&apart, now);
        let leases: Vec<_> = together.into_iter().map(LaneWork::lease).collect();
        self.apart_last = apart_first && !turns.is_empty();
        if self.apart_last {
            let limit = self.limit_of(&self.pages_apart, turns.len());
            return Some(Step::ReadTracks(TracksReading { turns, news, limit }));
        }
        let limit = self.limit_of(&self.pages, leases.len());
        (!leases.is_empty()).then_some(Step::Read(Reading { leases, news, limit }))
    }

    /// What a reading of so many lanes was to bring. They are most if they are half of those that it holds.
    pub(super) fn asked(&self, events_max: u32, lanes: usize) -> Asked {
        let of_most = lanes >= self.lanes.len().div_ceil(2);
        Asked { events_max, batch_size: self.config.batch_size, of_most }
    }

    /// How many events to read of so many lanes.
    pub(super) fn limit_of(&self, pages: &Pages, lanes: usize) -> u32 {
        pages.events(self.config.batch_size, lanes, self.lanes.len())
    }

    /// Whether the next events of the lane may be sent.
    pub(super) fn is_ready(&self, work: &LaneWork, now: Instant) -> bool {
        work.may_send(now)
            && work.rests(now).is_none()
            && work.is_settled()
            && work.blocked.is_some()
            && !work.leaving
            && !self.sending.contains(&work.lease().lane)
    }

    /// In how many lanes may be sent now, beside those in which something is being sent.
    pub(super) fn lanes_at_once(&self, now: Instant) -> usize {
        match self.breaker.passage(now) {
            Passage::Free => usize::MAX,
            Passage::One if self.sending.is_empty() => 1,
            Passage::One | Passage::None(_) => 0,
        }
    }

    /// Takes what was read, and says what is to be sent.
    pub(crate) fn on_read(
        &mut self,
        reading: &Reading,
        mut batches: Vec<LaneBatch>,
        now: Instant,
    ) -> Vec<Send> {
        self.answered();
        let asked = self.asked(reading.limit, reading.leases.len());
        self.pages.read(&asked, &batches);
        let batch_size = asked.batch_size;
        batches.iter_mut().for_each(|batch| keep_one_send(batch, batch_size));
        let cut = batches.iter().filter(|batch| batch.has_more).map(|batch| batch.lane);
        let cut: BTreeSet<Lane> = cut.collect();
        for lease in &reading.leases {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                (work.suspect, work.unreadable) = (false, false);
                if !cut.contains(&lease.lane) {
                    work.news_read = reading.news;
                }
            }
        }
        let sends = batches.into_iter().filter_map(|batch| self.send(reading, batch, now));
        let sends = sends.collect();
        for lease in &reading.leases {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.note_end();
            }
        }
        self.round += u64::from(cut.is_empty());
        sends
    }

    /// What is to be sent of a batch, if the worker may.
    fn send(&mut self, reading: &Reading, batch: LaneBatch, now: Instant) -> Option<Send> {
        let news = if batch.has_more { 0 } else { reading.news };
        let until = now + self.config.publish_timeout;
        let bounds = self.bounds();
        let asked = reading.leases.iter().find(|lease| lease.lane == batch.lane)?;
        let work = self.lanes.get_mut(&batch.lane).filter(|work| work.lease() == *asked)?;
        if batch.events.is_empty() {
            if batch.through > asked.cursor {
                work.round_served = self.round; // It is where the others are.
            }
            work.passed(batch.through);
            return None;
        }
        work.round_served = self.round;
        work.news_read = 0;
        if !work.may_send(now) {
            return None; // It took too long; it is read again once the lease is renewed.
        }
        let tenants = batch.events.iter().map(|event| &event.envelope.tenant);
        let met: Vec<_> = (asked.sequence + 1..).zip(tenants).collect();
        if let Some(tenant) = self.must_wait(batch.lane, &met) {
            self.wants_split(batch.lane, tenant);
            return None;
        }
        self.count_crowd(batch.lane, &met);
        let work = self.lanes.get_mut(&batch.lane)?;
        let blocked = work.blocked.get_or_insert_with(Blocked::default);
        let sorting = Sorting::of(&self.target, *asked, blocked, work.refusal.as_ref());
        let (sorted, messages) = sorting.within(bounds).sort(batch);
        if sorted.slots.is_empty() {
            self.stall(asked.lane, now);
            return None;
        }
        let until = until.min(work.deadline());
        let last = asked.sequence + sorted.events();
        let ticket = Ticket::main(*asked, sorted, news);
        if messages.is_empty() {
            // Nothing for the bus: it is done as it stands.
            self.on_moved(ticket.outcome(None));
            return None;
        }
        work.attempts(last);
        self.sending.insert(asked.lane).then_some(Send { messages, until, ticket })
    }

    pub(super) fn bounds(&self) -> Bounds {
        let (keys_max, events_max) = (self.config.parked_keys_max, self.config.set_aside_max);
        Bounds { keys_max, events_max, ..Bounds::NONE }
    }

    /// No more may be set aside in this lane: it waits until somebody has looked after what is. What
    /// is blocked is asked anew then.
    pub(super) fn stall(&mut self, lane: Lane, now: Instant) {
        let Some(work) = self.lanes.get_mut(&lane) else { return };
        work.is_stalled = true;
        work.blocked = None;
        work.failures = work.failures.saturating_add(1);
        work.rest_until(now + self.backoff.pause_after(work.failures));
    }

    /// What is stored in one of the lanes cannot be read. Says whether it is known which.
    pub(crate) fn on_unreadable(&mut self, lanes: &[Lane], now: Instant) -> bool {
        self.answered();
        let is_known = lanes.len() == 1;
        for lane in lanes {
            let Some(work) = self.lanes.get_mut(lane) else { continue };
            work.suspect = true;
            if is_known {
                work.unreadable = true;
                work.failures += 1;
                work.rest_until(now + self.backoff.pause_after(work.failures));
            }
        }
        is_known
    }
}
