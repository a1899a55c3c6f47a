//! What is recorded when, and what becomes of lanes that cannot be recorded.
//!
//! All lanes are recorded in one call. When it fails, perhaps for what a single lane holds, fewer are
//! asked for, down to one; a lane that fails alone rests, and the others go on without it.

use super::tracks::Tracks;
use super::{LaneWork, Step, Worker};
use idp_application::{Lane, LaneRecord, TrackRecord};
use std::collections::BTreeSet;
use std::time::Instant;

/// What is still to be recorded, and how much of it in one call.
#[derive(Debug)]
pub(super) struct Recording {
    /// The lanes whose lease is to be renewed, whether they moved or not.
    to_renew: BTreeSet<Lane>,
    /// The most lanes of one call.
    lanes_max: usize,
}

impl Default for Recording {
    fn default() -> Self {
        Self { to_renew: BTreeSet::new(), lanes_max: usize::MAX }
    }
}

impl Worker {
    /// Records what is to record; all lanes when the leases are to be renewed.
    pub(super) fn record(&mut self, now: Instant) -> Option<Step> {
        if std::mem::take(&mut self.due.renew) {
            self.recording.to_renew = self.lanes.keys().copied().collect();
            self.lanes.values_mut().filter_map(|work| work.tracks.as_mut()).for_each(Tracks::renew);
        }
        let wanted = |work: &&LaneWork| self.is_to_record(work) && work.may_record(now);
        let lanes = self.lanes.values().filter(wanted).take(self.recording.lanes_max);
        let records: Vec<LaneRecord> = lanes.map(LaneWork::record).collect();
        (!records.is_empty()).then_some(Step::Record(records))
    }

    /// Records what is to record on tracks.
    pub(super) fn record_tracks(&self, now: Instant) -> Option<Step> {
        let lanes = self.lanes.values().filter(|work| work.may_record(now));
        let lanes = lanes.filter(|work| work.has_track_progress()).take(self.recording.lanes_max);
        let records: Vec<TrackRecord> = lanes.flat_map(LaneWork::track_records).collect();
        (!records.is_empty()).then_some(Step::RecordTracks(records))
    }

    fn is_to_record(&self, work: &LaneWork) -> bool {
        work.has_progress() || self.recording.to_renew.contains(&work.lease().lane)
    }

    /// When the first of the lanes is to be recorded that could not be.
    pub(super) fn records_again_at(&self) -> Option<Instant> {
        let moved = |work: &&LaneWork| self.is_to_record(work) || work.has_track_progress();
        self.lanes.values().filter(moved).filter_map(LaneWork::unrecorded_until).min()
    }

    /// The log took the records of these lanes.
    pub(super) fn note_recorded(&mut self, lanes: impl Iterator<Item = Lane>) {
        self.recording.lanes_max = self.recording.lanes_max.saturating_mul(2);
        for lane in lanes {
            self.recording.to_renew.remove(&lane);
            if let Some(work) = self.lanes.get_mut(&lane) {
                work.record_went_well();
            }
        }
    }

    /// The log did not take the records of these lanes, or did not say so. Says whether it is known
    /// which lane it is about.
    pub(crate) fn on_unrecorded(&mut self, lanes: &BTreeSet<Lane>, now: Instant) -> bool {
        self.recording.lanes_max = lanes.len().div_ceil(2);
        let is_known = lanes.len() == 1;
        for lane in lanes.iter().filter(|_| is_known) {
            let Some(work) = self.lanes.get_mut(lane) else { continue };
            let failures = work.record_failed();
            let pause = self.backoff.pause_after(failures);
            work.record_not_before(now + pause);
        }
        is_known
    }
}
