//! Lanes that one tenant fills, so that the others wait behind it: how that is noticed, and how the
//! worker makes sure that somebody waits before it splits that tenant off.

use super::send::Place;
use super::step::{TrackTurn, TracksReading};
use super::{LaneWork, Step, Worker};
use idp_application::{Lane, LaneLease, LaneTracks, TenantScope, TrackBatch, TrackChange};
use idp_domain::TenantId;
use std::collections::BTreeMap;
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
    /// How far the lane was looked through for others than the one that fills it.
    looked: Option<Looked>,
}

/// How far a lane was looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Looked {
    /// Whose events were passed over, beside those of the tenants that are split off.
    tenant: TenantId,
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

    /// The tenant that has so many percent of a backlog of so many events.
    fn leader(&self, backlog: u32, percent: u32) -> Option<&TenantId> {
        let (tenant, events) = self.events.iter().max_by_key(|(_, events)| **events)?;
        let is_most = u64::from(*events) * 100 >= u64::from(self.total) * u64::from(percent);
        (self.total >= backlog && is_most).then_some(tenant)
    }
}

impl Worker {
    /// Looks whether somebody waits behind the tenants that fill lanes. Looking and reading take
    /// turns.
    pub(super) fn look(&mut self, now: Instant) -> Option<Step> {
        if std::mem::take(&mut self.looked_last) || self.lanes_at_once(now) == 0 {
            return None;
        }
        let ready = self.lanes.values().filter(|work| self.is_ready(work, now));
        let looks: Vec<_> = ready.filter_map(|work| self.next_look(work)).collect();
        let mut turns = Vec::with_capacity(looks.len());
        for (lease, looked, scope) in looks {
            let Some(work) = self.lanes.get_mut(&lease.lane) else { continue };
            let Place { cursor, sequence } = looked.place;
            let lease = LaneLease { cursor, sequence, ..lease };
            turns.push(TrackTurn { lease, generation: None, scope, until: None });
            work.crowd.looked = Some(looked);
        }
        self.looked_last = !turns.is_empty();
        self.looked_last.then_some(Step::Look(TracksReading { turns, news: self.news }))
    }

    /// From where to look through a lane, if it is time to.
    fn next_look(&self, work: &LaneWork) -> Option<(LaneLease, Looked, TenantScope)> {
        let tenant = self.crowding(work)?;
        let (tracks, lease) = (work.tracks.as_ref()?, work.lease());
        let known = work.crowd.looked.clone();
        let known = known
            .filter(|looked| looked.tenant == *tenant && looked.revision == tracks.revision)
            .filter(|looked| looked.place.sequence >= lease.sequence);
        if known
            .as_ref()
            .is_some_and(|l| l.found || lease.sequence < l.again_at || l.news >= self.news)
        {
            return None;
        }
        let place = Place { cursor: lease.cursor, sequence: lease.sequence };
        let (tenant, revision) = (tenant.clone(), tracks.revision);
        let scope =
            TenantScope::Except(tracks.tenants().into_iter().chain([tenant.clone()]).collect());
        let new = Looked { tenant, revision, place, found: false, again_at: 0, news: 0 };
        Some((lease, known.unwrap_or(new), scope))
    }

    /// The tenant that fills a lane, if one more may be split off.
    fn crowding<'w>(&self, work: &'w LaneWork) -> Option<&'w TenantId> {
        let (backlog, percent) = (self.config.fair_backlog, self.config.fair_percent);
        let tracks = &work.tracks.as_ref()?.by_tenant;
        let automatic = tracks.keys().filter(|tenant| !self.tenants.is_special(tenant)).count();
        let has_room = u32::try_from(automatic).is_ok_and(|n| n < self.config.fair_tracks_max);
        let tenant = work.crowd.leader(backlog, percent).filter(|_| backlog > 0 && has_room)?;
        (!tracks.contains_key(tenant)).then_some(tenant)
    }

    /// Counts what was read of the main track.
    pub(super) fn count_crowd(&mut self, lane: Lane, met: &[(i64, &TenantId)]) {
        let backlog = self.config.fair_backlog;
        if let Some(work) = self.lanes.get_mut(&lane).filter(|_| backlog > 0) {
            met.iter().for_each(|(number, tenant)| work.crowd.count(*number, tenant, backlog));
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

    /// The tenant that is to be split off so that others get their turn. Not before all that may have
    /// been sent of it was acknowledged: it would be sent once more, under another name.
    pub(super) fn wants_apart(&self, work: &LaneWork) -> Option<TenantId> {
        let tenant = self.crowding(work)?;
        let looked = work.crowd.looked.as_ref()?;
        let revision = work.tracks.as_ref()?.revision;
        let waits = looked.found && looked.place.sequence >= work.lease().sequence;
        let is_so = waits && looked.tenant == *tenant && looked.revision == revision;
        (is_so && self.is_sure(work)).then(|| tenant.clone())
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

impl Crowd {
    /// Where the main track goes on after a tenant was split off: up to there all events are of that
    /// tenant, or of those that were split off before.
    pub(crate) fn after(&mut self, asked: &TrackChange, known: &LaneTracks) -> Option<Place> {
        let looked = self.looked.take()?;
        let is_of = looked.tenant == asked.tenant && looked.revision == asked.revision;
        let is_done = known.revision == asked.revision + 1;
        let is_apart = known.tracks.iter().any(|track| track.tenant == asked.tenant);
        self.ends();
        (is_of && is_done && is_apart).then_some(looked.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    fn leader(crowd: &Crowd, percent: u32) -> Option<&str> {
        crowd.leader(10, percent).map(TenantId::as_str)
    }

    #[test]
    fn who_has_most_of_a_backlog_fills_the_lane() {
        let mut crowd = Crowd::default();
        for number in 1..=9 {
            crowd.count(number, &tenant(if number % 3 == 0 { "globex" } else { "acme" }), 10);
        }
        assert_eq!(leader(&crowd, 50), None, "nine events are no backlog");
        crowd.count(9, &tenant("acme"), 10);
        assert_eq!(leader(&crowd, 50), None, "it was counted before");
        crowd.count(10, &tenant("globex"), 10);
        assert_eq!(leader(&crowd, 60), Some("acme"), "it has 6 of 10");
        assert_eq!(leader(&crowd, 61), None);
        crowd.ends();
        assert_eq!(leader(&crowd, 10), None);
    }

    #[test]
    fn what_was_long_ago_counts_less() {
        let mut crowd = Crowd::default();
        (1..=1_000).for_each(|number| crowd.count(number, &tenant("acme"), 10));
        (1_001..=1_025).for_each(|number| crowd.count(number, &tenant("globex"), 10));
        assert_eq!(leader(&crowd, 70), Some("globex"));
        assert!(crowd.total < 20);
    }
}
