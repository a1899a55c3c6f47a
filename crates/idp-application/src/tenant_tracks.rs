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
}

/// What was read of one lane in a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackBatch {
    /// The lane.
    pub lane: Lane,
    /// Every event of the lane, in order, whether the scope admits it or not. May be empty when only
    /// the cursor moved.
    pub events: Vec<TrackEvent>,
    /// Where the lane is read to when all of these events are done.
    pub through: Cursor,
}

/// One event of a lane, read in a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackEvent {
    /// Its place.
    pub cursor: Cursor,
    /// The event; `None` when the scope does not admit it: then it only counts.
    pub envelope: Option<Envelope>,
}

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
/// 3. Reading in a scope gives the same events under the same cursors as
///    [`OutboxLog::read`](crate::OutboxLog::read), those of the scope with their envelopes.
/// 4. Progress of a track and what was set aside on the way are recorded in one transaction; under an
///    old epoch, or another generation of the track, neither is. A position never moves back, and
///    what was settled since is not set aside again.
/// 5. The tracks of a lane outlive its lease: the next owner finds them.
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

    /// Reads lanes on, each in a scope and at most one time, at most `limit` events in all, counted
    /// whether their scope admits them or not. Gives nothing for a lane without news, or a batch
    /// without events, which only moves the cursor.
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
