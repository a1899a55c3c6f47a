//! The port through which a relay serves single tenants apart from the others of their lane.
//!
//! # Protocol
//! A lane holds the events of many tenants, and its one position cannot pass over those of a tenant
//! that must wait. Such a tenant is *split* off: it gets a *track* of its own in the lane, with a
//! position that begins where the lane stands. From then on whoever reads the lane (its *main*
//! track) passes over the events of that tenant, and whoever reads the track passes over those of
//! all others. When both have done the same events, the track is *merged*: it is gone, and the
//! lane's position is the tenant's again.
//!
//! ```text
//!                 split (epoch, revision)                     main, sequence 7 ──▶ passes over acme
//!   main, 7  ───────────────────────────────▶  both stand at 7
//!      ▲                                                      acme, sequence 7 ──▶ only acme
//!      │        merge (epoch, revision)                                 │
//!      └──────────────────────────────────────── both stand at n ◀──────┘
//! ```
//!
//! An event has the number of its place in the lane on every track: what is passed over is counted.
//! So no number ever depends on who was split off when, and no two events of a lane have the same.
//!
//! Only the owner of the lane splits and merges, under its epoch, and under the *revision* of the
//! lane's tracks that it knows: each change raises it, so a request that arrives late changes
//! nothing. Aggregates of different tenants are different keys, so the order of a key rests on the
//! one track that it is on.

use crate::{BoxFuture, Cursor, Deliveries, Error, Lane, LaneLease, Reader, SetAside};
use idp_domain::{Envelope, TenantId};

/// The track of one tenant in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantTrack {
    /// Whose events.
    pub tenant: TenantId,
    /// Rises each time that a tenant of the lane is split off.
    pub generation: i64,
    /// Behind the last event that is done.
    pub cursor: Cursor,
    /// The number of that event in the lane.
    pub sequence: i64,
}

/// The tracks of a lane beside its main track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneTracks {
    /// The lane.
    pub lane: Lane,
    /// Rises with each split and each merge.
    pub revision: i64,
    /// The tenants that are split off, by tenant.
    pub tracks: Vec<TenantTrack>,
}

/// Which tenant of which lane to split off or to merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackChange {
    /// The lane.
    pub lane: Lane,
    /// The epoch of the worker's lease.
    pub epoch: i64,
    /// The revision of the lane's tracks that the worker knows.
    pub revision: i64,
    /// The tenant.
    pub tenant: TenantId,
}

/// How far a worker came on the track of a tenant, and what it set aside on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackRecord {
    /// The lane.
    pub lane: Lane,
    /// The epoch of the worker's lease.
    pub epoch: i64,
    /// How far.
    pub track: TenantTrack,
    /// The events set aside since the progress recorded before, by rising number.
    pub aside: Vec<SetAside>,
}

/// Whose events a track is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantScope {
    /// All but those of these tenants: the main track.
    Except(Vec<TenantId>),
    /// Those of this tenant: its track.
    Only(TenantId),
}

impl TenantScope {
    /// Whether events of that tenant belong to it.
    pub fn admits(&self, tenant: &TenantId) -> bool {
        match self {
            Self::Except(tenants) => !tenants.contains(tenant),
            Self::Only(only) => only == tenant,
        }
    }
}

/// From where to read a lane on, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackReading {
    /// The lane.
    pub lane: Lane,
    /// From where.
    pub cursor: Cursor,
    /// Whose events.
    pub scope: TenantScope,
    /// The place behind which nothing is read; `None` is to the end.
    pub until: Option<Cursor>,
}

/// What was read of one lane in a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackBatch {
    /// The lane.
    pub lane: Lane,
    /// Every event of the lane, in order: those of the scope, and how many others stand between them.
    /// May be empty when only the cursor moved.
    pub events: Vec<TrackEvent>,
    /// Where the lane is read to when all of these events are done.
    pub through: Cursor,
    /// Whether more may be there than was read, up to the present or to where reading was to end.
    pub has_more: bool,
}

impl TrackBatch {
    /// One of which nothing was read yet.
    pub fn at(reading: &TrackReading) -> Self {
        let TrackReading { lane, cursor, .. } = *reading;
        Self { lane, events: Vec::new(), through: cursor, has_more: true }
    }

    /// Adds an event of the scope.
    pub fn give(&mut self, cursor: Cursor, envelope: Envelope) {
        self.through = cursor;
        self.events.push(TrackEvent { cursor, count: 1, envelope: Some(envelope) });
    }

    /// Adds events that the scope does not admit; behind others of the kind they count with them.
    pub fn pass(&mut self, cursor: Cursor, count: u32) {
        self.through = cursor;
        match self.events.last_mut() {
            Some(TrackEvent { cursor: last, count: before, envelope: None }) => {
                *last = cursor;
                *before += count;
            }
            _ => self.events.push(TrackEvent { cursor, count, envelope: None }),
        }
    }

    /// How many events of the scope are in it.
    pub fn given(&self) -> usize {
        self.events.iter().filter(|event| event.envelope.is_some()).count()
    }
}

/// One event of a lane, read in a scope, or some in a row that the scope does not admit.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackEvent {
    /// Its place; of several, one behind the last of them and before the next event of the lane.
    pub cursor: Cursor,
    /// How many events of the lane these are: 1, if the scope admits it.
    pub count: u32,
    /// The event; `None` when the scope does not admit it: then it only counts.
    pub envelope: Option<Envelope>,
}

/// How many events may be looked at for each that a reading may give.
///
/// Those that the scope does not admit cost the database little each, but there may be millions of
/// them before the next that it admits; no reading may take so long that a lease runs out.
pub const LOOKS_PER_EVENT: u32 = 64;

/// The outbox of a relay that serves tenants apart.
///
/// # Contract
/// Adapters prove these with `idp_conformance::tenants!`.
///
/// 1. A split begins a track where the recorded position of its lane stands; a merge ends one that
///    has the number that the lane has, and leaves the further one of both cursors. Both happen in
///    one transaction, and only under the epoch of the lease and the revision of the tracks.
/// 2. Under another revision, or when there is nothing to change, nothing is changed, and what is is
///    told.
/// 3. Reading in a scope gives the events of the scope that [`OutboxLog::read`](crate::OutboxLog::read)
///    gives, under the same cursors, and says how many others stand before, between and behind them.
/// 4. Progress of a track and what was set aside on the way are recorded in one transaction; under an
///    old epoch, or another generation of the track, neither is. A position never moves back, and
///    what was settled since is not set aside again.
/// 5. The tracks of a lane outlive its lease: the next owner finds them.
/// 6. A reading ends after so many events of the scope, after [`LOOKS_PER_EVENT`] times as many in
///    all, or at the place behind which nothing is to be read; it says whether there is more.
pub trait TenantTracks: Deliveries {
    /// The tracks of these lanes, in the order of the leases. Lanes whose lease is lost are left out.
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>>;

    /// Splits a tenant off. Gives the tracks as they are then; `None` when the lease is lost.
    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>>;

    /// Merges the track of a tenant. Gives the tracks as they are then; `None` when the lease is
    /// lost.
    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>>;

    /// Reads lanes on, each in a scope and at most one time, at most `limit` events of their scopes in
    /// all. Gives nothing for a lane without news, or a batch without events, which only moves the
    /// cursor or says that more is there than was read.
    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>>;

    /// Records progress of tracks, with what was set aside. Does not renew leases. Returns the lanes
    /// of those that were recorded, or were before: the worker has lost every other.
    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>>;
}
