//! The port through which readers follow the outbox: relays share it, projectors read it whole.
//!
//! # Protocol
//! The outbox is a log that commits only append to. A *reader* is a named consumer of it with
//! positions of its own; a slow reader holds no other back. A reader's positions are kept per lane
//! (or once, for the whole log), each under a *lease*:
//!
//! ```text
//!            claim: lease free or expired, epoch + 1
//!   free ────────────────────────────────────────────▶ held by worker w, epoch e
//!    ▲                                                   │  ▲
//!    │ release (epoch e)                                 │  │ advance (epoch e): progress, lease
//!    └───────────────────────────────────────────────────┤  │ renewed
//!    ▲                                                   └──┘
//!    └──── lease_until passes on the database's clock ───┘   the zombie's advance finds another
//!                                                            epoch: 0 rows, it is fenced
//! ```
//!
//! The database's clock alone decides whether a lease has expired. A worker may only shorten its
//! lease: it publishes nothing after `ttl` less a margin since *it sent* the request that granted
//! or renewed it. No transaction is open while a worker talks to a bus.
//!
//! # What order means
//! A reader gets the events of one lane in an order that is a function of what was committed, the
//! same on every read, in which the events of one aggregate stand in the order of its versions; so
//! their dense numbering (`sequence`) is the same for every reader and after every takeover.

use crate::{BoxFuture, Error, Lane};
use idp_domain::{Envelope, Uuid};
use std::time::Duration;

/// Whether the workers of a reader share the log by lanes or one of them reads all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sharding {
    /// Each lane has its own lease and position.
    ByLane,
    /// One lease and one position for the whole log ([`Lane::WHOLE`]).
    Whole,
}

/// A named consumer of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    /// The stable name under which its positions are kept; [which](Self::name_fault) it may be is
    /// checked where readers are configured.
    pub name: String,
    /// How its workers share the log. It must not change while the reader has positions.
    pub sharding: Sharding,
}

/// One process, or task, that works for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(pub Uuid);

/// A place in the log: behind the event at `position` of window `window`. What the numbers mean is
/// the store's affair; they only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The window of visibility (a tick on PostgreSQL; always 0 where commits are serial).
    pub window: i64,
    /// The position within it.
    pub position: i64,
}

/// The right to read one lane for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLease {
    /// The lane.
    pub lane: Lane,
    /// Rises with every change of owner; what fences the owner before.
    pub epoch: i64,
    /// Behind the last event that the reader is done with.
    pub cursor: Cursor,
    /// The number of that event in the lane; 0 at the start.
    pub sequence: i64,
}

/// Who takes part in reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// How many workers of the reader are alive, this one included.
    pub workers_live: u16,
    /// How many leases the reader has in all.
    pub lanes: u16,
    /// How many events had been dropped before the reader began: it never sees them.
    pub events_missed: u64,
}

/// What a worker asks for.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// How many more lanes at most.
    pub lanes_max: u16,
    /// For how long, unless renewed.
    pub lease_ttl: Duration,
}

/// One event read from the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// Its place.
    pub cursor: Cursor,
    /// The event.
    pub envelope: Envelope,
}

/// What was read of one lane.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneBatch {
    /// The lane.
    pub lane: Lane,
    /// The events, in order. May be empty when only the cursor moved.
    pub events: Vec<LoggedEvent>,
    /// Where the lane is read to when all of these events are done.
    pub through: Cursor,
    /// Whether something may stand behind that place that was committed before the reading began.
    pub has_more: bool,
}

/// How far a worker came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneProgress {
    /// The lane.
    pub lane: Lane,
    /// The epoch of the worker's lease.
    pub epoch: i64,
    /// Behind the last event that is done.
    pub cursor: Cursor,
    /// The number of that event in the lane.
    pub sequence: i64,
}

/// The outbox as its readers see it.
///
/// # Contract
/// Adapters prove these with `idp_conformance::outbox!`.
///
/// 1. Every committed event is read by every reader; no event of a rolled-back commit is.
/// 2. The events of one aggregate are read in the order of its versions.
/// 3. Reading again from the same cursor gives the same events in the same order, perhaps followed
///    by more.
/// 4. At most one worker holds the lease of a lane; a claim raises its epoch.
/// 5. Progress under an old epoch is refused and changes nothing.
/// 6. Under one epoch a position never moves back: progress that arrives late renews the lease only.
/// 7. A lease that is neither renewed nor released can be claimed after its time, not before.
pub trait OutboxLog: Send + Sync + 'static {
    /// Says that the worker is alive for `ttl`, and tells who else is. Creates the positions of a
    /// new reader, at the start of the log.
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>>;

    /// Takes leases that are free or expired, lowest lane first.
    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>>;

    /// Reads on from the cursors of the leases, at most `limit` events in all.
    ///
    /// A lane without a batch, or whose batch has no [more](LaneBatch::has_more), was read up to the
    /// present: up to all that was committed before the call. A batch without events only moves the
    /// cursor, or says that the lane was not read to its end. A store ends a reading that would take
    /// long; every reading of a lane with more gets on in some lane.
    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>>;

    /// Records progress and renews the leases; progress may be none, to renew only. Returns the
    /// lanes that the worker still holds: it has lost every other.
    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>>;

    /// Gives leases back, and takes the worker off the list of the living when it holds no more.
    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>>;
}
