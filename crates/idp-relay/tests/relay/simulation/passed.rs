//! How far a reader said that it is.

use super::log_copy::Copied;
use idp_application::{Lane, LaneProgress, LaneTracks, TenantTrack, TrackRecord};
use idp_domain::TenantId;
use std::collections::BTreeMap;

/// What a reader has recorded, as its own calls of the log say.
pub(crate) struct Passed {
    /// How many events had been dropped before it began.
    pub(crate) missed: usize,
    /// The last number of each lane that it is done with.
    lanes: BTreeMap<Lane, usize>,
    /// The same of the tenants that are split off.
    tracks: BTreeMap<(Lane, TenantId), Track>,
}

struct Track {
    generation: i64,
    number: usize,
}

impl Passed {
    /// A new reader, that begins behind these numbers.
    pub(crate) fn from(lanes: BTreeMap<Lane, usize>) -> Self {
        Self { missed: lanes.values().sum(), lanes, tracks: BTreeMap::new() }
    }

    /// Whether it is done with that event, and needs it no more.
    pub(crate) fn has(&self, event: &Copied) -> bool {
        if let Some(number) = self.lanes.get(&Lane::WHOLE) {
            return event.number <= *number;
        }
        let track = self.tracks.get(&(event.lane, event.envelope.tenant.clone()));
        let number = track.map_or_else(|| self.number(event.lane), |track| track.number);
        event.number_in_lane <= number
    }

    /// The last number of a lane that it is done with.
    pub(crate) fn number(&self, lane: Lane) -> usize {
        self.lanes.get(&lane).copied().unwrap_or_default()
    }

    /// It has recorded this.
    pub(crate) fn advance(&mut self, progress: &LaneProgress) {
        let known = self.lanes.entry(progress.lane).or_default();
        *known = number(progress.sequence).max(*known);
    }

    /// These tenants are split off, and no others.
    pub(crate) fn split(&mut self, known: &LaneTracks) {
        self.tracks.retain(|(lane, _), _| *lane != known.lane);
        for TenantTrack { tenant, generation, sequence, .. } in &known.tracks {
            let track = Track { generation: *generation, number: number(*sequence) };
            self.tracks.insert((known.lane, tenant.clone()), track);
        }
    }

    /// It has recorded this of a tenant.
    pub(crate) fn advance_track(&mut self, record: &TrackRecord) {
        let key = (record.lane, record.track.tenant.clone());
        let known = self.tracks.get_mut(&key);
        if let Some(known) = known.filter(|known| known.generation == record.track.generation) {
            known.number = number(record.track.sequence).max(known.number);
        }
    }
}

/// A number as readers know it.
pub(crate) fn number(sequence: i64) -> usize {
    usize::try_from(sequence).expect("numbers begin at 1")
}
