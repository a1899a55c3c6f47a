//! What a worker decides: a state machine without clock, I/O or tasks.
//!
//! Whoever drives it asks for the [`next`](Worker::next) step, does it, and tells the worker what
//! came of it; sends run beside that, and their ends are told when they come. The protocol is
//! written down in `docs/relay.md`.

mod answers;
mod apart;
mod backoff;
mod blocked;
mod breaker;
mod company;
mod crowd;
mod duty;
mod gathering;
mod lane_work;
mod pages;
mod reading;
mod recording;
#[cfg(test)]
pub(crate) mod sample;
mod send;
mod share;
mod side;
mod sorting;
mod step;
mod tenants;
#[cfg(test)]
mod tests;
mod tracks;

pub(crate) use send::{Send, SendOutcome, Ticket};
pub(crate) use step::{Ending, Reading, Step, TracksReading};

use crate::{RelayConfig, Target};
use backoff::Backoff;
use blocked::Blocked;
use breaker::{Breaker, Passage};
use company::Company;
use duty::Duty;
use gathering::Gathering;
use idp_application::{Lane, LaneLease, WorkerId};
use lane_work::LaneWork;
use pages::Pages;
use recording::Recording;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tenants::Tenants;

/// One worker of a reader.
#[derive(Debug)]
pub(crate) struct Worker {
    config: RelayConfig,
    target: Target,
    /// The lanes it holds, as far as it knows.
    lanes: BTreeMap<Lane, LaneWork>,
    /// The lanes with a send that has not ended: also lanes that are held no more.
    sending: BTreeSet<Lane>,
    /// How many lanes it should have; known once it has joined.
    share: Option<usize>,
    /// How many lanes there are.
    lanes_in_all: usize,
    due: DueTimes,
    /// How single tenants are served.
    tenants: Tenants,
    /// Whether the last read was of lanes with tenants that are split off.
    apart_last: bool,
    /// Whether the last read was of a lane that may hold what cannot be read.
    suspect_last: bool,
    recording: Recording,
    /// Whether lanes were looked through last, and nothing was read since.
    looked_last: bool,
    is_watched: bool,
    gathering: Gathering,
    /// How much is read at once.
    pages: Pages,
    /// The same for the tracks of tenants.
    pages_apart: Pages,
    company: Company,
    /// When it may read on, so that others have the database, too.
    duty: Duty,
    /// Rises whenever there may be something to read.
    news: u64,
    /// Rises when every lane had its turn to be read.
    round: u64,
    backoff: Backoff,
    breaker: Breaker,
    /// Failures of the log in a row, and until when to leave it alone.
    log_failures: u32,
    pause_until: Option<Instant>,
    stopping: Option<Stopping>,
}

/// What is to be done at certain times.
#[derive(Debug)]
struct DueTimes {
    heartbeat_at: Instant,
    poll_at: Instant,
    side_at: Instant,
    join: bool,
    renew: bool,
    claim: bool,
    policies: bool,
}

#[derive(Debug)]
struct Stopping {
    give_up_at: Instant,
    signed_off: bool,
}

impl Worker {
    /// A worker that holds nothing. The configuration has been checked.
    pub(crate) fn new(config: RelayConfig, target: Target, id: WorkerId, now: Instant) -> Self {
        let backoff = Backoff::new(config.backoff_min, config.backoff_max, id);
        let breaker = Breaker::new(config.breaker_failures);
        let duty = Duty::new(config.log_percent_max, config.backoff_max, now);
        let (heartbeat_at, poll_at, side_at) = (now, now, now);
        let (join, renew, claim, policies) = (true, true, true, true);
        Self {
            config,
            target,
            lanes: BTreeMap::new(),
            sending: BTreeSet::new(),
            share: None,
            lanes_in_all: 0,
            due: DueTimes { heartbeat_at, poll_at, side_at, join, renew, claim, policies },
            tenants: Tenants::default(),
            apart_last: false,
            suspect_last: false,
            recording: Recording::default(),
            looked_last: false,
            is_watched: false,
            gathering: Gathering::new(now),
            pages: Pages::default(),
            pages_apart: Pages::default(),
            company: Company::new(now),
            duty,
            news: 1,
            round: 1,
            backoff,
            breaker,
            log_failures: 0,
            pause_until: None,
            stopping: None,
        }
    }

    /// How many lanes it holds, as far as it knows.
    pub(crate) fn lanes_held(&self) -> usize {
        self.lanes.len()
    }

    /// How many lanes stand still because no more may be set aside in them.
    pub(crate) fn lanes_stalled(&self) -> usize {
        self.lanes.values().filter(|work| work.is_stalled).count()
    }

    /// In how many lanes something cannot be read or recorded.
    pub(crate) fn lanes_failing(&self) -> usize {
        self.lanes.values().filter(|work| work.is_failing()).count()
    }

    /// How many keys are blocked in the lanes that it holds, as far as it knows.
    pub(crate) fn keys_blocked(&self) -> usize {
        self.lanes.values().filter_map(|work| work.blocked.as_ref()).map(Blocked::keys).sum()
    }

    /// Whether the bus is thought to be away.
    pub(crate) fn is_bus_away(&self) -> bool {
        self.breaker.is_open()
    }

    /// Whether somebody watches the commits of other processes. When nobody does any more, it is time
    /// to look.
    pub(crate) fn watched(&mut self, is_watched: bool, now: Instant) {
        if self.is_watched && !is_watched {
            self.due.poll_at = now;
        }
        self.is_watched = is_watched;
    }

    fn poll_interval(&self) -> Duration {
        match self.is_watched {
            true => self.config.poll_interval_watched,
            false => self.config.poll_interval,
        }
    }

    /// Something was committed.
    pub(crate) fn rung(&mut self, now: Instant) {
        self.gathering.rung(now);
    }

    /// A call of the log has ended that took so long.
    pub(crate) fn called(&mut self, took: Duration, now: Instant) {
        self.gathering.called(took, now);
        self.duty.called(took, now);
    }

    /// The same, of a call that read.
    pub(crate) fn read_took(&mut self, took: Duration, now: Instant) {
        self.company.read(took, now);
    }

    /// Reads and claims no more, and ends when everything is settled. Saying it again changes
    /// nothing.
    pub(crate) fn stop(&mut self, now: Instant) {
        let give_up_at = now + self.config.lease_ttl;
        self.stopping.get_or_insert(Stopping { give_up_at, signed_off: false });
    }

    /// What to do next.
    pub(crate) fn next(&mut self, now: Instant) -> Step {
        if let Some(Stopping { give_up_at, .. }) = self.stopping {
            return self.next_to_stop(now, give_up_at);
        }
        if let Some(until) = self.pauses(now) {
            return Step::Wait(until);
        }
        self.note_time(now);
        if self.due.join {
            return Step::Join;
        }
        // Recording comes first: what is given back or read on has nothing left to record.
        self.record(now)
            .or_else(|| self.record_tracks(now))
            .or_else(|| self.settle())
            .or_else(|| self.give_back())
            .or_else(|| self.claim())
            .or_else(|| self.ask_policies())
            .or_else(|| self.ask_blocked(now))
            .or_else(|| self.ask_tracks(now))
            .or_else(|| self.change_tracks(now))
            .or_else(|| self.ask_due(now))
            .or_else(|| self.look(now))
            .or_else(|| self.read(now))
            .unwrap_or_else(|| self.rest(now))
    }

    fn next_to_stop(&mut self, now: Instant, give_up_at: Instant) -> Step {
        let signed_off = self.share.is_none()
            || self.stopping.as_ref().is_some_and(|stopping| stopping.signed_off);
        if signed_off && self.lanes.is_empty() && self.sending.is_empty() {
            return Step::End(Ending::Clean);
        }
        if now >= give_up_at {
            return Step::End(Ending::GaveUp { lanes: self.lanes.len() });
        }
        if let Some(until) = self.pauses(now) {
            return Step::Wait(until.min(give_up_at));
        }
        self.note_time(now);
        let step = self.record(now).or_else(|| self.record_tracks(now));
        if let Some(step) = step.or_else(|| self.settle()) {
            return step;
        }
        if let Some(until) = self.records_again_at() {
            return Step::Wait(until.min(give_up_at));
        }
        if !self.sending.is_empty() {
            return Step::Wait(self.due.heartbeat_at.min(give_up_at));
        }
        Step::Release(self.lanes.values().map(LaneWork::lease).collect())
    }

    /// Until when to leave the log alone.
    fn pauses(&self, now: Instant) -> Option<Instant> {
        self.pause_until.filter(|until| now < *until)
    }

    fn note_time(&mut self, now: Instant) {
        if now >= self.due.heartbeat_at {
            let heartbeat_at = now + self.config.heartbeat_interval;
            let (join, renew, claim, policies) = (true, true, true, true);
            self.due = DueTimes { heartbeat_at, join, renew, claim, policies, ..self.due };
        }
        self.note_side_time(now);
        let polls = now >= self.due.poll_at;
        if polls {
            self.due.poll_at = now + self.poll_interval();
        }
        self.news += u64::from(self.gathering.hears(now) || polls);
    }

    /// Forgets the lanes that are to leave and are drained: whatever becomes of giving them back,
    /// they are free then or when their leases expire.
    fn give_back(&mut self) -> Option<Step> {
        let leaving = self.lanes.values().filter(|work| work.leaving).map(LaneWork::lease);
        let leases: Vec<LaneLease> = leaving.filter(|lease| self.is_drained(lease.lane)).collect();
        for lease in &leases {
            self.lanes.remove(&lease.lane);
        }
        (!leases.is_empty()).then_some(Step::Release(leases))
    }

    fn claim(&mut self) -> Option<Step> {
        let wanted = self.share.unwrap_or_default().saturating_sub(self.lanes.len());
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX);
        (self.due.claim && wanted > 0).then_some(Step::Claim(wanted))
    }

    /// Nothing is to be done now. A worker that only drains the log is at its end when it holds all
    /// lanes and has read them all, and nothing of their side tracks is to be tried again.
    fn rest(&mut self, now: Instant) -> Step {
        let is_read = |work: &LaneWork| work.is_read() && work.is_settled() && !work.side_pending;
        let is_done = self.config.ends_when_drained
            && self.share.is_some()
            && self.lanes.len() == self.lanes_in_all
            && self.sending.is_empty()
            && self.lanes.values().all(is_read);
        if is_done {
            self.stop(now);
            return self.next(now);
        }
        Step::Wait(self.wakes_at(now))
    }

    fn wakes_at(&self, now: Instant) -> Instant {
        let lanes = self.lanes.values().filter(|work| work.may_send(now) && !work.leaving);
        let rests = lanes.filter_map(|work| work.rests(now).or_else(|| self.limits_end(work, now)));
        let spared = match self.breaker.passage(now) {
            Passage::None(until) => Some(until),
            Passage::Free | Passage::One => None,
        };
        let DueTimes { heartbeat_at, poll_at, side_at, .. } = self.due;
        let others = self.gathering.heard_at().into_iter().chain(self.records_again_at());
        let others = others.chain(self.duty.rests(now)).chain(self.company_lasts(now));
        rests.chain(spared).chain(others).fold(heartbeat_at.min(poll_at).min(side_at), Instant::min)
    }

    /// The deadline of a lease that was granted or renewed by a request sent at that instant.
    fn deadline(&self, asked_at: Instant) -> Instant {
        asked_at + (self.config.lease_ttl - self.config.lease_margin)
    }

    fn pause_after(&mut self, failures: u32) -> Duration {
        self.backoff.pause_after(failures)
    }
}
