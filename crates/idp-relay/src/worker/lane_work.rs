//! The work of a worker on one lane during one tenure.

use super::blocked::Blocked;
use super::crowd::Crowd;
use super::send::{MainSent, Place};
use super::sorting::Refusal;
use super::step::TrackTurn;
use super::tracks::{TrackWork, Tracks};
use idp_application::{
    Cursor, LaneLease, LaneProgress, LaneRecord, SetAside, Settlement, TrackRecord,
};
use idp_domain::TenantId;
use std::time::Instant;

/// One lane that the worker holds, as far as it knows.
#[derive(Debug)]
pub(crate) struct LaneWork {
    /// The lease; its position is behind the last event that is done.
    lease: LaneLease,
    /// The number of the last event that the database knows to be done.
    recorded: i64,
    /// What was set aside since then.
    aside: Vec<SetAside>,
    /// From then on nothing is sent, until the database has renewed the lease.
    deadline: Instant,
    /// After a failure: until when to leave the lane alone.
    resting_until: Option<Instant>,
    /// The keys that must not be sent from the log; unknown until the database was asked.
    pub(crate) blocked: Option<Blocked>,
    /// The tenants that are split off; unknown until the database was asked.
    pub(crate) tracks: Option<Tracks>,
    /// Who fills it.
    pub(crate) crowd: Crowd,
    /// The number of the last event that was sent on the main track, acknowledged or not.
    attempted: i64,
    /// How many messages of the main track were acknowledged in this tenure.
    acknowledged: u64,
    /// Whether the main track was read to its end in this tenure.
    was_read: bool,
    /// The event that the bus refused and that is next.
    pub(crate) refusal: Option<Refusal>,
    /// What came of the last send of the side track, which the database does not know of yet.
    pub(crate) to_settle: Option<Settlement>,
    /// Whether to ask for what is due on the side track.
    pub(crate) side_pending: bool,
    /// Whether it stands still because no more may be set aside.
    pub(crate) is_stalled: bool,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// The newest news up to which the lane was read to its end.
    pub(crate) news_read: u64,
    /// The round of reading in which the lane got events last.
    pub(crate) round_served: u64,
    /// Whether it is to be given back.
    pub(crate) leaving: bool,
    /// Whether it is read alone, because it may hold what cannot be read.
    pub(crate) suspect: bool,
    /// What is set aside may hold what cannot be read: it is asked for alone.
    pub(crate) side_suspect: bool,
    /// Something of the lane, or of what is set aside in it, cannot be read.
    pub(crate) unreadable: bool,
    pub(crate) side_unreadable: bool,
    /// How often in a row it could not be recorded alone, and when it is tried again.
    record_failures: u32,
    unrecorded_until: Option<Instant>,
}

impl LaneWork {
    pub(crate) fn new(lease: LaneLease, deadline: Instant) -> Self {
        Self {
            lease,
            recorded: lease.sequence,
            aside: Vec::new(),
            deadline,
            resting_until: None,
            blocked: None,
            tracks: None,
            crowd: Crowd::default(),
            attempted: lease.sequence,
            acknowledged: 0,
            was_read: false,
            refusal: None,
            to_settle: None,
            side_pending: true,
            is_stalled: false,
            failures: 0,
            news_read: 0,
            round_served: 0,
            leaving: false,
            suspect: false,
            side_suspect: false,
            unreadable: false,
            side_unreadable: false,
            record_failures: 0,
            unrecorded_until: None,
        }
    }

    pub(crate) fn lease(&self) -> LaneLease {
        self.lease
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.lease.epoch
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn may_send(&self, now: Instant) -> bool {
        now < self.deadline
    }

    /// Nothing is sent until the database has renewed the lease.
    pub(crate) fn suspend(&mut self, now: Instant) {
        self.deadline = self.deadline.min(now);
    }

    /// Whether something is done that the database does not know of yet.
    pub(crate) fn has_progress(&self) -> bool {
        self.recorded < self.lease.sequence
    }

    /// Whether something of it cannot be read or recorded.
    pub(crate) fn is_failing(&self) -> bool {
        self.unreadable || self.side_unreadable || self.record_failures > 0
    }

    /// Whether it may be recorded now: it does not rest because that failed.
    pub(crate) fn may_record(&self, now: Instant) -> bool {
        self.unrecorded_until.is_none_or(|until| until <= now)
    }

    pub(crate) fn unrecorded_until(&self) -> Option<Instant> {
        self.unrecorded_until
    }

    /// It could not be recorded. Says how often in a row that is.
    pub(crate) fn record_failed(&mut self) -> u32 {
        self.record_failures = self.record_failures.saturating_add(1);
        self.record_failures
    }

    pub(crate) fn record_not_before(&mut self, until: Instant) {
        self.unrecorded_until = Some(until);
    }

    pub(crate) fn record_went_well(&mut self) {
        self.record_failures = 0;
        self.unrecorded_until = None;
    }

    /// Whether a track has moved that the database does not know of.
    pub(crate) fn has_track_progress(&self) -> bool {
        self.tracks.as_ref().is_some_and(Tracks::has_progress)
    }

    pub(crate) fn record(&self) -> LaneRecord {
        let LaneLease { lane, epoch, cursor, sequence } = self.lease;
        let progress = LaneProgress { lane, epoch, cursor, sequence };
        LaneRecord { progress, aside: self.aside.clone() }
    }

    /// The database took the progress, and renewed the lease until after `deadline`. Says how many
    /// events more it knows to be done.
    pub(crate) fn recorded(&mut self, progress: &LaneProgress, deadline: Instant) -> u64 {
        let before = self.recorded;
        self.recorded = before.max(progress.sequence);
        self.deadline = self.deadline.max(deadline);
        let aside = self.aside.len();
        self.aside.retain(|aside| aside.sequence > progress.sequence);
        // Some of it may be due at once.
        self.side_pending |= self.aside.len() < aside;
        u64::try_from(self.recorded - before).unwrap_or_default()
    }

    /// Windows without events were read.
    pub(crate) fn passed(&mut self, through: Cursor) {
        self.lease.cursor = self.lease.cursor.max(through);
    }

    /// Passes over events that belong to tracks, up to there.
    pub(crate) fn passed_over(&mut self, place: Place) {
        if place.sequence > self.lease.sequence {
            self.moved(MainSent {
                place,
                messages: 0,
                aside: Vec::new(),
                next: None,
                news_read: 0,
            });
        }
    }

    /// Moves behind what is done.
    pub(crate) fn moved(&mut self, sent: MainSent) {
        if sent.place.sequence > self.lease.sequence {
            self.is_stalled = false;
            self.refusal = None;
            self.went_well();
        }
        self.lease.cursor = sent.place.cursor;
        self.lease.sequence = sent.place.sequence;
        self.news_read = self.news_read.max(sent.news_read);
        self.acknowledged += sent.messages;
        self.note_end();
        let blocked = self.blocked.get_or_insert_default();
        sent.aside.iter().for_each(|aside| blocked.add(aside));
        self.aside.extend(sent.aside);
    }

    /// Events up to this number are being sent on the main track.
    pub(crate) fn attempts(&mut self, sequence: i64) {
        self.attempted = self.attempted.max(sequence);
    }

    /// Events up to this number are being sent on a track.
    pub(crate) fn attempts_on(&mut self, tenant: Option<&TenantId>, sequence: i64) {
        match tenant {
            None => self.attempts(sequence),
            Some(tenant) => {
                if let Some(track) = self.track_mut(tenant) {
                    track.attempts(sequence);
                }
            }
        }
    }

    /// Takes note of it when the main track was read to its end.
    pub(crate) fn note_end(&mut self) {
        if self.news_read > 0 {
            self.was_read = true;
            self.crowd.ends();
        }
    }

    /// Whether all that may have been sent on the main track, also by an earlier owner of the lane,
    /// was acknowledged: what this tenure sent; and as many messages as one send has at most, or all
    /// that there were.
    pub(crate) fn is_sure(&self, batch_size: u64) -> bool {
        self.attempted <= self.lease.sequence && (self.was_read || self.acknowledged >= batch_size)
    }

    pub(crate) fn went_well(&mut self) {
        self.failures = 0;
        self.resting_until = None;
    }

    pub(crate) fn rest_until(&mut self, until: Instant) {
        self.resting_until = Some(until);
    }

    /// When its pause ends, if that is still to come.
    pub(crate) fn rests(&self, now: Instant) -> Option<Instant> {
        self.resting_until.filter(|until| now < *until)
    }

    /// Whether the database knows of everything that was done.
    pub(crate) fn is_settled(&self) -> bool {
        let tracks = self.tracks.as_ref();
        !self.has_progress()
            && !tracks.is_some_and(Tracks::has_progress)
            && self.to_settle.is_none()
    }

    /// Whether tenants are split off.
    pub(crate) fn has_tracks(&self) -> bool {
        self.tracks.as_ref().is_some_and(|tracks| !tracks.by_tenant.is_empty())
    }

    /// Whether all of it was read to the end.
    pub(crate) fn is_read(&self) -> bool {
        let tracks = self.tracks.iter().flat_map(|tracks| tracks.by_tenant.values());
        self.news_read > 0 && tracks.map(|track| track.news_read).all(|news| news > 0)
    }

    pub(crate) fn track(&self, tenant: &TenantId) -> Option<&TrackWork> {
        self.tracks.as_ref()?.by_tenant.get(tenant)
    }

    pub(crate) fn track_mut(&mut self, tenant: &TenantId) -> Option<&mut TrackWork> {
        self.tracks.as_mut()?.by_tenant.get_mut(tenant)
    }

    /// Whether the track stands where it was read from.
    pub(crate) fn stands_at(&self, turn: &TrackTurn) -> bool {
        let LaneLease { epoch, cursor, sequence, .. } = turn.lease;
        match turn.tenant() {
            None => self.lease == turn.lease,
            Some(tenant) => self.track(tenant).is_some_and(|work| {
                let track = &work.track;
                self.epoch() == epoch
                    && (track.cursor, track.sequence) == (cursor, sequence)
                    && turn.generation == Some(track.generation)
            }),
        }
    }

    /// Up to which news a track was read.
    pub(crate) fn read_up_to(&mut self, tenant: Option<&TenantId>, news: u64) {
        match tenant {
            None => self.news_read = news,
            Some(tenant) => {
                if let Some(track) = self.track_mut(tenant) {
                    track.news_read = news;
                }
            }
        }
    }

    /// Windows without events were read on a track.
    pub(crate) fn track_passed(&mut self, tenant: Option<&TenantId>, through: Cursor) {
        match tenant {
            None => self.passed(through),
            Some(tenant) => {
                if let Some(track) = self.track_mut(tenant) {
                    track.passed(through);
                }
            }
        }
    }

    /// The event of a track that the bus refused and that is next.
    pub(crate) fn refusal_of(&self, tenant: Option<&TenantId>) -> Option<&Refusal> {
        match tenant {
            None => self.refusal.as_ref(),
            Some(tenant) => self.track(tenant)?.refusal.as_ref(),
        }
    }

    /// The bus refused the next event of a track.
    pub(crate) fn refused(&mut self, tenant: Option<&TenantId>, refusal: Option<Refusal>) {
        match tenant {
            None => self.refusal = refusal,
            Some(tenant) => {
                if let Some(track) = self.track_mut(tenant) {
                    track.refusal = refusal;
                }
            }
        }
    }

    /// Moves a track behind what is done.
    pub(crate) fn track_moved(&mut self, tenant: &TenantId, sent: MainSent) {
        let blocked = self.blocked.get_or_insert_default();
        sent.aside.iter().for_each(|aside| blocked.add(aside));
        if self.track_mut(tenant).is_some_and(|track| track.moved(sent)) {
            self.is_stalled = false;
            self.went_well();
        }
    }

    /// What is to record on its tracks.
    pub(crate) fn track_records(&self) -> impl Iterator<Item = TrackRecord> {
        let LaneLease { lane, epoch, .. } = self.lease;
        self.tracks.iter().flat_map(move |tracks| tracks.records(lane, epoch))
    }
}
