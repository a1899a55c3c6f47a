//! What a worker wants done next.

use idp_application::{
    Cursor, Lane, LaneLease, LaneRecord, Settlement, TenantScope, TrackChange, TrackReading,
    TrackRecord,
};
use idp_domain::TenantId;
use std::collections::BTreeSet;
use std::time::Instant;

/// One step. Steps that ask something of the log are answered by the method of
/// [`Worker`](super::Worker) that stands beside them, or by `on_error`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Say that the worker is alive; `on_joined`.
    Join,
    /// Record and renew; `on_recorded`.
    Record(Vec<LaneRecord>),
    /// Record what came of a send of a side track; `on_settled`.
    Settle(Settlement),
    /// Claim that many more lanes; `on_claimed`.
    Claim(u16),
    /// Give these back; `on_released`. The worker has forgotten them already.
    Release(Vec<LaneLease>),
    /// Ask which keys are blocked in these lanes; `on_blocked`.
    Blocked(Vec<Lane>),
    /// Ask for what is due on the side tracks of these lanes; `on_due`.
    Due(Vec<LaneLease>),
    /// Read on; `on_read`, or `on_unreadable` when what is stored cannot be read.
    Read(Reading),
    /// Ask how tenants are to be served; `on_policies`.
    Policies,
    /// Ask which tenants are split off in these lanes; `on_tracks`.
    Tracks(Vec<LaneLease>),
    /// Split a tenant off; `on_changed`.
    Split(TrackChange),
    /// Merge the track of a tenant; `on_changed`.
    Merge(TrackChange),
    /// Read on on tracks; `on_tracks_read`, or `on_unreadable`.
    ReadTracks(TracksReading),
    /// Look through lanes, from these places, for events of these scopes; `on_looked`,
    /// or `on_unreadable`.
    Look(TracksReading),
    /// Record progress on tracks; `on_tracks_recorded`.
    RecordTracks(Vec<TrackRecord>),
    /// Nothing to do before that instant, unless something happens.
    Wait(Instant),
    /// The worker has stopped.
    End(Ending),
}

impl Step {
    /// Whether events are read to be sent.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self, Self::Read(_) | Self::ReadTracks(_))
    }

    /// The lanes that are recorded by this step.
    pub(crate) fn recorded_lanes(&self) -> BTreeSet<Lane> {
        match self {
            Self::Record(records) => records.iter().map(|record| record.progress.lane).collect(),
            Self::RecordTracks(records) => records.iter().map(|record| record.lane).collect(),
            _ => BTreeSet::new(),
        }
    }
}

/// Lanes to read on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// From where.
    pub(crate) leases: Vec<LaneLease>,
    /// What was known to be new when the reading began.
    pub(crate) news: u64,
    /// At most so many events.
    pub(crate) limit: u32,
}

impl Reading {
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.leases.iter().map(|lease| lease.lane).collect()
    }
}

/// Tracks to read on, at most one of a lane.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TracksReading {
    /// Which, and from where.
    pub(crate) turns: Vec<TrackTurn>,
    /// What was known to be new when the reading began.
    pub(crate) news: u64,
    /// At most so many events.
    pub(crate) limit: u32,
}

impl TracksReading {
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.turns.iter().map(|turn| turn.lease.lane).collect()
    }

    /// What to ask the log for.
    pub(crate) fn readings(&self) -> Vec<TrackReading> {
        let reading = |turn: &TrackTurn| TrackReading {
            lane: turn.lease.lane,
            cursor: turn.lease.cursor,
            scope: turn.scope.clone(),
            until: turn.until,
        };
        self.turns.iter().map(reading).collect()
    }
}

/// One track to read on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrackTurn {
    /// The lease of its lane, at the place of the track.
    pub(crate) lease: LaneLease,
    /// The generation of the track; `None` is the main one.
    pub(crate) generation: Option<i64>,
    pub(crate) scope: TenantScope,
    /// The place behind which it is not to be read.
    pub(crate) until: Option<Cursor>,
    /// What the track had, in events by weight, that comes next in the lane: this one, unless the lane goes
    /// with others.
    pub(crate) least: f64,
}

impl TrackTurn {
    /// Whose track; `None` is the main one.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        match &self.scope {
            TenantScope::Only(tenant) => Some(tenant),
            TenantScope::Except(_) => None,
        }
    }
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything sent is recorded and all leases are given back.
    Clean,
    /// The log did not answer in time: so many lanes end as after a crash.
    GaveUp { lanes: usize },
}
