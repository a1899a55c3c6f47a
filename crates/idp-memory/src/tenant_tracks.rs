//! Tenants that are served apart from the others of their lane.

use crate::state::State;
use crate::store::MemoryStore;
use crate::tenants::Tracks;
use idp_application::{
    BoxFuture, Cursor, Error, LOOKS_PER_EVENT, Lane, LaneLease, LaneTracks, Reader, TenantTrack,
    TenantTracks, TrackBatch, TrackChange, TrackReading, TrackRecord,
};
use idp_domain::Timestamp;

impl State {
    fn tracks_of(&self, reader: &Reader, lane: Lane) -> LaneTracks {
        let tracks = self.tenants.get(&reader.name).and_then(|tenants| tenants.lanes.get(&lane));
        LaneTracks {
            lane,
            revision: tracks.map_or(0, |tracks| tracks.revision),
            tracks: tracks.map_or_else(Vec::new, |t| t.by_tenant.values().cloned().collect()),
        }
    }

    fn tracks_mut(&mut self, reader: &Reader, lane: Lane) -> &mut Tracks {
        self.tenants.entry(reader.name.clone()).or_default().lanes.entry(lane).or_default()
    }

    fn split(&mut self, reader: &Reader, change: &TrackChange) -> Option<LaneTracks> {
        let TrackChange { lane, epoch, revision, tenant } = change;
        let place = self.readers.place(reader, *lane, *epoch)?;
        let tracks = self.tracks_mut(reader, *lane);
        if tracks.revision == *revision && !tracks.by_tenant.contains_key(tenant) {
            tracks.revision += 1;
            let track = TenantTrack {
                tenant: tenant.clone(),
                generation: tracks.revision,
                cursor: place.cursor,
                sequence: place.sequence,
            };
            tracks.by_tenant.insert(tenant.clone(), track);
        }
        Some(self.tracks_of(reader, *lane))
    }

    fn merge(&mut self, reader: &Reader, change: &TrackChange) -> Option<LaneTracks> {
        let TrackChange { lane, epoch, revision, tenant } = change;
        let place = self.readers.place(reader, *lane, *epoch)?;
        let tracks = self.tracks_mut(reader, *lane);
        let is_level = |track: &TenantTrack| track.sequence == place.sequence;
        if tracks.revision == *revision
            && let Some(cursor) =
                tracks.by_tenant.get(tenant).filter(|t| is_level(t)).map(|t| t.cursor)
        {
            tracks.revision += 1;
            tracks.by_tenant.remove(tenant);
            self.readers.skip_to(reader, *lane, *epoch, cursor);
        }
        Some(self.tracks_of(reader, *lane))
    }

    fn record_track(&mut self, reader: &Reader, record: &TrackRecord, now: Timestamp) -> bool {
        let TrackRecord { lane, epoch, track, aside } = record;
        if !self.readers.holds(reader, *lane, *epoch) {
            return false;
        }
        let known = self.tracks_mut(reader, *lane).by_tenant.get_mut(&track.tenant);
        let Some(known) = known.filter(|known| known.generation == track.generation) else {
            return false;
        };
        if track.cursor > known.cursor {
            let passed = known.sequence + 1..=track.sequence;
            *known = track.clone();
            self.set_aside(reader, *lane, aside, passed, now);
        }
        true
    }

    fn read_tracks(&self, readings: &[TrackReading], limit: u32) -> Result<Vec<TrackBatch>, Error> {
        let mut left = Left { given: limit, looks: limit.saturating_mul(LOOKS_PER_EVENT) };
        let mut batches = Vec::new();
        for reading in readings {
            let batch = self.read_track(reading, &mut left)?;
            if batch.has_more || !batch.events.is_empty() {
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    fn read_track(&self, reading: &TrackReading, left: &mut Left) -> Result<TrackBatch, Error> {
        let mut batch = TrackBatch::at(reading);
        let is_before_end = |cursor: &Cursor| reading.until.is_none_or(|until| *cursor <= until);
        let events = self.log.behind(reading.lane, reading.cursor)?;
        for (cursor, envelope) in events.take_while(|(cursor, _)| is_before_end(cursor)) {
            if left.given == 0 || left.looks == 0 {
                return Ok(batch);
            }
            left.looks -= 1;
            if reading.scope.admits(&envelope.tenant) {
                left.given -= 1;
                batch.give(cursor, envelope.clone());
            } else {
                batch.pass(cursor, 1);
            }
        }
        batch.has_more = false;
        Ok(batch)
    }
}

/// How many events a reading may still give, and look at.
struct Left {
    given: u32,
    looks: u32,
}

impl TenantTracks for MemoryStore {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let held =
                leases.iter().filter(|lease| state.readers.holds(reader, lease.lane, lease.epoch));
            Ok(held.map(|lease| state.tracks_of(reader, lease.lane)).collect())
        })
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move { Ok(self.state().split(reader, change)) })
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move { Ok(self.state().merge(reader, change)) })
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(async move { self.state().read_tracks(readings, limit) })
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let now = self.now();
            let mut state = self.state();
            let recorded = records.iter().filter(|r| state.record_track(reader, r, now));
            Ok(recorded.map(|record| record.lane).collect())
        })
    }
}
