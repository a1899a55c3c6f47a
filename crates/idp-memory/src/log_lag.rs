//! How far readers are behind, counted by walking through what they have not passed.

use crate::leases::Place;
use crate::log::{behind, index};
use crate::state::State;
use crate::store::MemoryStore;
use idp_application::{
    Blocker, BlockerKind, BoxFuture, Error, LagBounds, LagReport, Lane, LaneCount, LogLag,
    ReaderLag, Sharding, TenantLag,
};
use idp_domain::{TenantId, Timestamp};
use std::collections::BTreeMap;

/// Where one reader stands: in each lane, and in each where a tenant is split off.
#[derive(Default)]
struct Places {
    lanes: BTreeMap<Lane, usize>,
    tracks: BTreeMap<(Lane, TenantId), usize>,
}

impl Places {
    /// How many events of the lane and tenant are passed, those of others counted.
    fn of(&self, lane: Lane, tenant: &TenantId) -> Option<usize> {
        let track = self.tracks.get(&(lane, tenant.clone()));
        track.or_else(|| self.lanes.get(&lane)).copied()
    }
}

impl State {
    fn lag(&self, bounds: &LagBounds, lanes: LaneCount, now: Timestamp) -> LagReport {
        let mut readers: BTreeMap<&str, Places> = BTreeMap::new();
        for (reader, lane, Place { cursor, .. }) in self.readers.places() {
            readers.entry(reader).or_default().lanes.insert(lane, index(cursor));
        }
        for (reader, tenants) in &self.tenants {
            let Some(places) = readers.get_mut(reader.as_str()) else { continue };
            for (lane, tracks) in &tenants.lanes {
                let tracks = tracks.by_tenant.values();
                let tracks = tracks.map(|t| ((*lane, t.tenant.clone()), index(t.cursor)));
                places.tracks.extend(tracks);
            }
        }
        let readers = readers.iter().map(|(name, places)| {
            let lag = self.reader_lag(name, places, bounds, lanes);
            ReaderLag { workers_live: self.readers.workers_live(name, now), ..lag }
        });
        LagReport { now, readers: readers.collect(), blockers: self.blockers(bounds) }
    }

    fn reader_lag(
        &self,
        name: &str,
        places: &Places,
        bounds: &LagBounds,
        lanes: LaneCount,
    ) -> ReaderLag {
        let is_whole = places.lanes.contains_key(&Lane::WHOLE);
        let next = |(lane, done): (Lane, usize)| self.log.before_next(lane, behind(done));
        let all = places.lanes.iter().map(|(lane, done)| (*lane, *done));
        let all = all.chain(places.tracks.iter().map(|((lane, _), done)| (*lane, *done)));
        let first = all.map(next).min().unwrap_or(self.log.end());
        let limit = usize::try_from(bounds.events_max).unwrap_or(usize::MAX);
        let end = self.log.end().min(first.saturating_add(limit));
        let mut lags: BTreeMap<(Lane, TenantId), TenantLag> = BTreeMap::new();
        for at in first..end {
            let Some(event) = self.log.event(at) else { continue };
            let lane = match is_whole {
                true => Lane::WHOLE,
                false => Lane::of(&event.tenant, event.aggregate_id, lanes),
            };
            if places.of(lane, &event.tenant).is_none_or(|done| at < done) {
                continue;
            }
            let lag = lags.entry((lane, event.tenant.clone())).or_insert_with(|| TenantLag {
                lane,
                tenant: event.tenant.clone(),
                events: 0,
                oldest: event.occurred_at,
            });
            lag.events += 1;
            lag.oldest = lag.oldest.min(event.occurred_at);
        }
        let side = self.side_tracks.get(name).map(|side| side.tally()).unwrap_or_default();
        ReaderLag {
            name: name.to_owned(),
            sharding: if is_whole { Sharding::Whole } else { Sharding::ByLane },
            workers_live: 0,
            is_complete: end == self.log.end(),
            lags: lags.into_values().collect(),
            keys_parked: side.keys_parked,
            events_blocked: side.events_blocked,
            events_scheduled: side.events_scheduled,
            parked_since: side.parked_since,
        }
    }

    fn blockers(&self, bounds: &LagBounds) -> Vec<Blocker> {
        let mut blockers: Vec<Blocker> = self
            .keeping
            .holds()
            .map(|hold| Blocker {
                kind: BlockerKind::Hold,
                name: hold.name.clone(),
                pid: None,
                since: Some(hold.since),
                bytes: None,
                holds_windows: false,
                holds_vacuum: false,
                holds_purge: true,
            })
            .collect();
        blockers.sort_by_key(|blocker| blocker.since);
        blockers.truncate(usize::try_from(bounds.blockers_max).unwrap_or(usize::MAX));
        blockers
    }
}

impl LogLag for MemoryStore {
    fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        Box::pin(async move {
            bounds.check()?;
            let now = self.now();
            Ok(self.state().lag(bounds, self.lanes(), now))
        })
    }
}
