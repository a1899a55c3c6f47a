//! Lanes that one tenant fills, or a few, so that the others wait behind them: how that is noticed, and how
//! the worker makes sure that somebody waits before it splits those tenants off.

use super::send::Place;
use super::step::{TrackTurn, TracksReading};
use super::{LaneWork, Step, Worker};
use idp_application::{Lane, LaneLease, LaneTracks, TenantScope, TrackBatch, TrackChange};
use idp_domain::TenantId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Who fills a lane.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// The events of each tenant that were read since the lane was read to its end; those long ago
    /// count less.
    events: BTreeMap<TenantId, u32>,
    total: u32,
    /// The number up to which they are counted.
    counted: i64,
    /// Who fills it, by what is counted.
    fillers: BTreeSet<TenantId>,
    /// How far the lane was looked through for others than those that fill it.
    looked: Option<Looked>,
}

/// How far a lane was looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Looked {
    /// Whose events were passed over, beside those of the tenants that were split off before.
    tenants: BTreeSet<TenantId>,
    /// The revision of the tracks.
    revision: i64,
    /// Up to there nobody else has an event.
    place: Place,
    /// Whether the next event is of somebody else.
    found: bool,
    /// The number that the lane has to reach before it is looked through once more.
    again_at: i64,
    /// The newest news up to which it was looked through to its end.
    news: u64,
}

impl Crowd {
    /// Counts an event of the lane that was read, unless it was before.
    pub(crate) fn count(&mut self, number: i64, tenant: &TenantId, backlog: u32) {
        if number <= self.counted {
            return;
        }
        self.counted = number;
        match self.events.get_mut(tenant) {
            Some(events) => *events += 1,
            None => drop(self.events.insert(tenant.clone(), 1)),
        }
        self.total += 1;
        if self.total >= backlog.saturating_mul(2) {
            self.events.values_mut().for_each(|events| *events /= 2);
            self.events.retain(|_, events| *events > 0);
            self.total = self.events.values().sum();
        }
    }

    /// The lane was read to its end: nobody waits.
    pub(crate) fn ends(&mut self) {
        let counted = self.counted;
        *self = Self { counted, ..Self::default() };
    }

    /// Finds out who has so many percent of a backlog of so many events: the one with most of them; else those
    /// with most until they have it together, and whoever has more than half as many as the last of these.
    /// Nobody, if that takes more than `most` tenants.
    pub(crate) fn judge(&mut self, backlog: u32, percent: u32, most: usize) {
        self.fillers = self.fillers_of(backlog, percent, most).unwrap_or_default();
    }

    fn fillers_of(&self, backlog: u32, percent: u32, most: usize) -> Option<BTreeSet<TenantId>> {
        let largest = self.events.values().max()?;
        let many = u32::try_from(most).unwrap_or(u32::MAX);
        if !self.fills(largest.saturating_mul(many), backlog, percent) {
            return None;
        }
        let mut by_events: Vec<_> = self.events.iter().collect();
        by_events.sort_unstable_by_key(|(_, events)| Reverse(**events));
        let mut fillers = BTreeSet::new();
        let (mut sum, mut last) = (0, 0);
        for (tenant, events) in by_events {
            let is_enough = self.fills(sum, backlog, percent);
            if is_enough && (fillers.len() == 1 || *events <= last / 2) {
                break;
            }
            fillers.insert(tenant.clone());
            (sum, last) = (sum + events, *events);
            if fillers.len() > most {
                return None;
            }
        }
        Some(fillers)
    }

    /// Whether so many events are so many percent of a backlog.
    fn fills(&self, events: u32, backlog: u32, percent: u32) -> bool {
        let is_most = u64::from(events) * 100 >= u64::from(self.total) * u64::from(percent);
        backlog > 0 && self.total >= backlog && is_most
    }

    /// How many of the events are of these tenants.
    fn events_of(&self, tenants: &BTreeSet<TenantId>) -> u32 {
        tenants.iter().filter_map(|tenant| self.events.get(tenant)).sum()
    }
}

impl Worker {
    /// Looks whether somebody waits behind the tenants that fill lanes. Looking and reading take
    /// turns.
    pub(super) fn look(&mut self, now: Instant) -> Option<Step> {
        if self.duty.rests(now).is_some() || self.lanes_at_once(now) == 0 {
            return None;
        }
        if std::mem::take(&mut self.looked_last) {
            return None;
        }
        let ready: Vec<_> = self.lanes.values().filter(|work| self.is_ready(work, now)).collect();
        if self.waits_for_company(ready.len(), now).is_some() {
            return None;
        }
        let looks: Vec<_> = ready.into_iter().filter_map(|work| self.next_look(work)).collect();
        let mut turns = Vec::with_capacity(looks.len());
        for (lease, looked, scope) in looks {
            let Some(work) = self.lanes.get_mut(&lease.lane) else { continue };
            let Place { cursor, sequence } = looked.place;
            let lease = LaneLease { cursor, sequence, ..lease };
            turns.push(TrackTurn { lease, generation: None, scope, until: None, least: 0.0 });
            work.crowd.looked = Some(looked);
        }
        self.looked_last = !turns.is_empty();
        let (news, limit) = (self.news, self.config.batch_size);
        self.looked_last.then_some(Step::Look(TracksReading { turns, news, limit }))
    }

    /// From where to look through a lane, if it is time to.
    fn next_look(&self, work: &LaneWork) -> Option<(LaneLease, Looked, TenantScope)> {
        let (backlog, percent) = (self.config.fair_backlog, self.config.fair_percent);
        let (tracks, lease, crowd) = (work.tracks.as_ref()?, work.lease(), &work.crowd);
        let known = crowd.looked.clone().filter(|looked| {
            looked.is_of(tracks.revision, &lease)
                && crowd.fills(crowd.events_of(&looked.tenants), backlog, percent)
        });
        let looked = match known {
            Some(looked) => looked,
            None => {
                let place = Place { cursor: lease.cursor, sequence: lease.sequence };
                let (tenants, revision) = (self.crowding(work)?, tracks.revision);
                Looked { tenants, revision, place, found: false, again_at: 0, news: 0 }
            }
        };
        if looked.found || lease.sequence < looked.again_at || looked.news >= self.news {
            return None;
        }
        let left_out = tracks.tenants().into_iter().chain(looked.tenants.iter().cloned());
        let scope = TenantScope::Except(left_out.collect());
        Some((lease, looked, scope))
    }

    /// The tenants that fill a lane, if they may be split off.
    fn crowding(&self, work: &LaneWork) -> Option<BTreeSet<TenantId>> {
        let tenants = self.fillers(work)?;
        (tenants.len() <= self.room(work)).then_some(tenants)
    }

    /// Whether tenants fill a lane that may not be split off, since too many others are.
    pub(super) fn lacks_room(&self, work: &LaneWork) -> bool {
        self.fillers(work).is_some_and(|tenants| tenants.len() > self.room(work))
    }

    fn fillers(&self, work: &LaneWork) -> Option<BTreeSet<TenantId>> {
        let tracks = &work.tracks.as_ref()?.by_tenant;
        let fillers = work.crowd.fillers.iter().filter(|tenant| !tracks.contains_key(*tenant));
        let fillers: BTreeSet<TenantId> = fillers.cloned().collect();
        (!fillers.is_empty()).then_some(fillers)
    }

    /// How many tenants more may be split off in a lane.
    fn room(&self, work: &LaneWork) -> usize {
        let tracks = work.tracks.iter().flat_map(|tracks| tracks.by_tenant.keys());
        let automatic = tracks.filter(|tenant| !self.tenants.is_special(tenant)).count();
        self.tracks_max().saturating_sub(automatic)
    }

    fn tracks_max(&self) -> usize {
        usize::try_from(self.config.fair_tracks_max).unwrap_or(usize::MAX)
    }

    /// Counts what was read of the main track.
    pub(super) fn count_crowd(&mut self, lane: Lane, met: &[(i64, &TenantId)]) {
        let (backlog, percent) = (self.config.fair_backlog, self.config.fair_percent);
        let most = self.tracks_max();
        if let Some(work) = self.lanes.get_mut(&lane).filter(|_| backlog > 0) {
            met.iter().for_each(|(number, tenant)| work.crowd.count(*number, tenant, backlog));
            work.crowd.judge(backlog, percent, most);
        }
    }

    /// Takes what was seen.
    pub(crate) fn on_looked(&mut self, reading: &TracksReading, batches: &[TrackBatch]) {
        self.answered();
        let backlog = i64::from(self.config.fair_backlog);
        for turn in &reading.turns {
            let LaneLease { lane, epoch, cursor, sequence } = turn.lease;
            let work = self.lanes.get_mut(&lane).filter(|work| work.epoch() == epoch);
            let Some(work) = work else { continue };
            let stands_at = work.lease().sequence;
            let Some(looked) = work.crowd.looked.as_mut() else { continue };
            if looked.place != (Place { cursor, sequence }) {
                continue;
            }
            let batch = batches.iter().find(|batch| batch.lane == lane);
            looked.found = batch.is_some_and(|batch| looked.place.passes(batch));
            let is_end = !batch.is_some_and(|batch| batch.has_more);
            looked.again_at = if is_end { stands_at + backlog } else { 0 };
            looked.news = if is_end { reading.news } else { 0 };
        }
    }

    /// The next tenant that is to be split off so that others get their turn. Not before all that may have
    /// been sent of it was acknowledged: it would be sent once more, under another name.
    pub(super) fn wants_apart(&self, work: &LaneWork) -> Option<TenantId> {
        let (looked, tracks) = (work.crowd.looked.as_ref()?, work.tracks.as_ref()?);
        let waits = looked.found && looked.is_of(tracks.revision, &work.lease());
        let next = looked.tenants.iter().find(|tenant| !tracks.by_tenant.contains_key(*tenant))?;
        (waits && self.is_sure(work)).then(|| next.clone())
    }

    /// Whether all that any worker may have sent on the main track of the lane was acknowledged.
    pub(super) fn is_sure(&self, work: &LaneWork) -> bool {
        work.is_sure(u64::from(self.config.batch_size))
    }
}

impl Place {
    /// Passes over what was passed over up to the first event that was given. Says whether one was.
    fn passes(&mut self, batch: &TrackBatch) -> bool {
        for event in &batch.events {
            if event.envelope.is_some() {
                return true;
            }
            self.cursor = event.cursor;
            self.sequence += i64::from(event.count);
        }
        self.cursor = batch.through;
        false
    }
}

impl Looked {
    /// Whether it still says something: nobody was split off or merged since, and the main track has not
    /// come beyond it.
    fn is_of(&self, revision: i64, lease: &LaneLease) -> bool {
        self.revision == revision && self.place.sequence >= lease.sequence
    }
}

impl Crowd {
    /// Where the main track goes on after a tenant was split off: up to there all events are of tenants that
    /// are split off. Not before the last of them is: what was passed over is of all of them.
    pub(crate) fn after(&mut self, asked: &TrackChange, known: &LaneTracks) -> Option<Place> {
        let looked = self.looked.take()?;
        let is_apart = |tenant: &TenantId| known.tracks.iter().any(|track| track.tenant == *tenant);
        let is_of = looked.tenants.contains(&asked.tenant) && looked.revision == asked.revision;
        if !is_of || known.revision != asked.revision + 1 || !is_apart(&asked.tenant) {
            return None;
        }
        if looked.tenants.iter().all(is_apart) {
            self.ends();
            return Some(looked.place);
        }
        self.looked = Some(Looked { revision: known.revision, ..looked });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    fn fillers(crowd: &Crowd, percent: u32) -> Vec<String> {
        let fillers = crowd.fillers_of(10, percent, 3).unwrap_or_default();
        fillers.iter().map(|tenant| tenant.as_str().to_owned()).collect()
    }

    /// So many events of tenants 1, 2, 3, …
    fn crowd(events: &[u32]) -> Crowd {
        let mut crowd = Crowd::default();
        let mut number = 0;
        for (name, events) in (1..).zip(events) {
            for _ in 0..*events {
                number += 1;
                crowd.count(number, &tenant(&format!("tenant-{name}")), 1_000);
            }
        }
        crowd
    }

    #[test]
    fn who_has_most_of_a_backlog_fills_the_lane() {
        let mut crowd = Crowd::default();
        for number in 1..=9 {
            crowd.count(number, &tenant(if number % 3 == 0 { "globex" } else { "acme" }), 10);
        }
        assert_eq!(fillers(&crowd, 50), [""; 0], "nine events are no backlog");
        crowd.count(9, &tenant("acme"), 10);
        assert_eq!(fillers(&crowd, 50), [""; 0], "it was counted before");
        crowd.count(10, &tenant("globex"), 10);
        assert_eq!(fillers(&crowd, 60), ["acme"], "it has 6 of 10");
        crowd.ends();
        assert_eq!(fillers(&crowd, 10), [""; 0]);
    }

    #[test]
    fn tenants_that_fill_it_together_are_all_of_about_their_size() {
        assert_eq!(fillers(&crowd(&[45, 44, 6, 5]), 50), ["tenant-1", "tenant-2"]);
        assert_eq!(fillers(&crowd(&[5, 30, 31, 32, 2]), 50), ["tenant-2", "tenant-3", "tenant-4"]);
        assert_eq!(fillers(&crowd(&[51, 49]), 50), ["tenant-1"], "one that has it alone");
        assert_eq!(fillers(&crowd(&[25; 4]), 50), [""; 0], "four are too many");
        assert_eq!(fillers(&crowd(&[1; 100]), 50), [""; 0]);
    }

    #[test]
    fn what_was_long_ago_counts_less() {
        let mut crowd = Crowd::default();
        (1..=1_000).for_each(|number| crowd.count(number, &tenant("acme"), 10));
        (1_001..=1_025).for_each(|number| crowd.count(number, &tenant("globex"), 10));
        assert_eq!(fillers(&crowd, 70), ["globex"]);
        assert!(crowd.total < 20);
    }
}
