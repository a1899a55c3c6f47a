//! The tracks of one lane: what is done on each, and whose turn it is.

use super::send::MainSent;
use super::sorting::Refusal;
use idp_application::{Cursor, Lane, LaneTracks, SetAside, TenantTrack, TrackRecord};
use idp_domain::TenantId;
use std::collections::BTreeMap;

/// The tenants of a lane that are split off.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    pub(crate) revision: i64,
    pub(crate) by_tenant: BTreeMap<TenantId, TrackWork>,
    /// What was asked to be changed: it is asked again until there is an answer. Nothing of the lane
    /// is sent before.
    pub(crate) change: Option<Change>,
    /// What the main track had, in events by weight.
    pub(crate) main_served: f64,
    /// What the track had that was served last, before it was.
    now_served: f64,
}

/// A change of the tracks of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Split(TenantId),
    Merge(TenantId),
}

/// The work on the track of one tenant.
#[derive(Debug)]
pub(crate) struct TrackWork {
    /// How far it is done.
    pub(crate) track: TenantTrack,
    /// The number of the last event that the database knows to be done, and its cursor.
    recorded: i64,
    recorded_cursor: Cursor,
    /// Whether the cursor is to be recorded also when no event was passed: else the track of a tenant in a quiet
    /// lane would keep the log from being purged.
    renews: bool,
    /// What was set aside since then.
    aside: Vec<SetAside>,
    /// The number of the last event that this tenure sent on it, acknowledged or not.
    attempted: i64,
    /// The event that the bus refused and that is next.
    pub(crate) refusal: Option<Refusal>,
    /// The newest news up to which it was read to its end.
    pub(crate) news_read: u64,
    /// Whether there was more of it than was read last.
    pub(crate) is_behind: bool,
    /// What it had, in events by weight.
    served: f64,
    /// Whether it was split off in this tenure, so that nobody else ever sent anything of it.
    pub(crate) is_own: bool,
}

impl Tracks {
    /// Takes what the database says. What it knows not is gone; gives the furthest cursor of that.
    pub(crate) fn learn(&mut self, known: LaneTracks) -> Option<Cursor> {
        self.revision = known.revision;
        self.change = None;
        let mut before = std::mem::take(&mut self.by_tenant);
        for track in known.tracks {
            let work = before.remove(&track.tenant);
            let work = work.filter(|work| work.track.generation == track.generation);
            let tenant = track.tenant.clone();
            let work = work.unwrap_or_else(|| TrackWork::new(track, self.now_served));
            self.by_tenant.insert(tenant, work);
        }
        before.into_values().map(|work| work.track.cursor).max()
    }

    /// What a track had, in events by weight; one that had nothing to send saved nothing up. `None`
    /// is the main track.
    pub(crate) fn served(&self, tenant: Option<&TenantId>) -> f64 {
        let served = match tenant {
            None => self.main_served,
            Some(tenant) => self.by_tenant.get(tenant).map_or(0.0, |work| work.served),
        };
        served.max(self.now_served)
    }

    /// Counts what is being sent (start-time fair queuing: Goyal, Vin, Cheng, 1996). `least` is what the track had
    /// that would come next: when another one is served in its place, that is not forgotten.
    pub(crate) fn serve(&mut self, tenant: Option<&TenantId>, cost: f64, least: f64) {
        let start = self.served(tenant);
        self.now_served = self.now_served.max(start.min(least));
        match tenant {
            None => self.main_served = start + cost,
            Some(tenant) => {
                if let Some(work) = self.by_tenant.get_mut(tenant) {
                    work.served = start + cost;
                }
            }
        }
    }

    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.by_tenant.keys().cloned().collect()
    }

    /// Where they are is to be recorded, whether they moved over events or not.
    pub(crate) fn renew(&mut self) {
        self.by_tenant.values_mut().for_each(|work| work.renews = true);
    }

    pub(crate) fn has_progress(&self) -> bool {
        self.by_tenant.values().any(TrackWork::has_progress)
    }

    pub(crate) fn records(&self, lane: Lane, epoch: i64) -> impl Iterator<Item = TrackRecord> {
        let works = self.by_tenant.values().filter(|work| work.has_progress());
        works.map(move |work| TrackRecord {
            lane,
            epoch,
            track: work.track.clone(),
            aside: work.aside.clone(),
        })
    }
}

impl TrackWork {
    fn new(track: TenantTrack, served: f64) -> Self {
        let (recorded, recorded_cursor) = (track.sequence, track.cursor);
        Self {
            track,
            recorded,
            recorded_cursor,
            renews: false,
            aside: Vec::new(),
            attempted: recorded,
            refusal: None,
            news_read: 0,
            is_behind: false,
            served,
            is_own: false,
        }
    }

    fn has_progress(&self) -> bool {
        self.recorded < self.track.sequence
            || self.renews && self.recorded_cursor < self.track.cursor
    }

    /// Events up to this number are being sent on it.
    pub(crate) fn attempts(&mut self, sequence: i64) {
        self.attempted = self.attempted.max(sequence);
    }

    /// Whether all that this tenure sent on it was acknowledged.
    pub(crate) fn is_sure(&self) -> bool {
        self.attempted <= self.track.sequence
    }

    /// Windows without events were read.
    pub(crate) fn passed(&mut self, through: Cursor) {
        self.track.cursor = self.track.cursor.max(through);
    }

    /// Moves behind what is done. Says whether it was moved at all.
    pub(crate) fn moved(&mut self, sent: MainSent) -> bool {
        let moved = sent.place.sequence > self.track.sequence;
        if moved {
            self.refusal = None;
        }
        self.track.cursor = sent.place.cursor;
        self.track.sequence = sent.place.sequence;
        self.aside.extend(sent.aside);
        moved
    }

    /// The database took the progress. Says how many events more it knows to be done, and whether
    /// some were set aside.
    pub(crate) fn recorded(&mut self, place: &TenantTrack) -> (u64, bool) {
        let before = self.recorded;
        self.recorded = before.max(place.sequence);
        self.recorded_cursor = self.recorded_cursor.max(place.cursor);
        self.renews = false;
        let aside = self.aside.len();
        self.aside.retain(|aside| aside.sequence > place.sequence);
        (u64::try_from(self.recorded - before).unwrap_or_default(), self.aside.len() < aside)
    }
}
