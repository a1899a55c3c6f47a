//! The port through which a relay sets events aside and sends them later: those that the bus
//! refused, those behind them, and those that are scheduled.
//!
//! # Protocol
//! An event that cannot or must not be sent when its turn comes is *set aside*: it is copied out of
//! the log in the same transaction in which the position of its lane moves over it, so the log can
//! be purged and the lane flows on. A *key* is one aggregate of one tenant.
//!
//! ```text
//!                        refused by the bus                    resume (operator)
//!   in the log ───────────────────────────────▶ parked ─────────────────────────▶ due ──▶ numbered
//!      │  │                                       ▲  │ discard, audited            ▲         │ │
//!      │  │ its key is parked or has events aside │  └────────▶ gone               │         │ │ acknowledged:
//!      │  └───────────────────────────────────────┘                                │         │ │ settled, gone
//!      │ deliver_at is to come                            deliver_at passes        │         │ ▼
//!      └───────────────────────────────────────▶ scheduled ────────────────────────┘         │
//!                                                 parked ◀───────────────────────────────────┘ refused again
//! ```
//!
//! What is due is sent on the lane's side track, which numbers its messages on its own. Numbers are
//! stored before they are used and never used for another event, so that a broker that drops what it
//! has by number drops nothing that it has not. Everything is done by the owner of the lane under its
//! epoch; operators only mark, under the revision of the key that they saw.

mod key_text;

pub use key_text::InvalidDeliveryKey;

use crate::{BoxFuture, Error, ErrorKind, Lane, LaneLease, LaneProgress, OutboxLog, Reader};
use idp_domain::{Envelope, TenantId, Timestamp, Uuid};
use std::time::Duration;

/// What keeps its order: one aggregate of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// Whose aggregate.
    pub tenant: TenantId,
    /// Which aggregate.
    pub aggregate_id: Uuid,
}

impl DeliveryKey {
    /// The key of an event.
    pub fn of(envelope: &Envelope) -> Self {
        Self { tenant: envelope.tenant.clone(), aggregate_id: envelope.aggregate_id }
    }
}

/// A key whose events must not be sent from the log: earlier ones are set aside. Scheduled events do
/// not block their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedKey {
    /// The lane it is in.
    pub lane: Lane,
    /// The key.
    pub key: DeliveryKey,
    /// How many of its events are set aside.
    pub events: u32,
}

/// An event taken out of its lane.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// The event.
    pub envelope: Envelope,
    /// Its number in the lane.
    pub sequence: i64,
    /// Why.
    pub reason: AsideReason,
}

/// Why an event is set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsideReason {
    /// The bus refused it for good, with this error. Parks the key.
    Refused(String),
    /// Earlier events of its key are set aside.
    Behind,
    /// It is to be delivered at that time.
    Scheduled(Timestamp),
}

/// How far a worker came in one lane, and what it set aside on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneRecord {
    /// How far.
    pub progress: LaneProgress,
    /// The events set aside since the progress recorded before, by rising number.
    pub aside: Vec<SetAside>,
}

/// What is due on the side tracks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// What is to be sent, at most one batch a lane.
    pub batches: Vec<SideBatch>,
    /// In how much time more will be due, as far as it is known; zero when more is due than was asked
    /// for.
    pub next: Option<Duration>,
}

/// Numbered events of one lane.
#[derive(Clone, Debug, PartialEq)]
pub struct SideBatch {
    /// The lane.
    pub lane: Lane,
    /// The events, by rising number.
    pub entries: Vec<SideEntry>,
}

/// One numbered event of a side track.
#[derive(Clone, Debug, PartialEq)]
pub struct SideEntry {
    /// Its number in the side track.
    pub sequence: i64,
    /// The event, as it was set aside or as an operator edited it.
    pub envelope: Envelope,
}

/// What came of sending events of a side track.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The lane.
    pub lane: Lane,
    /// The epoch of the worker's lease.
    pub epoch: i64,
    /// Everything up to this number was acknowledged.
    pub through: i64,
    /// The number that the bus refused for good, and its error.
    pub refused: Option<(i64, String)>,
}

impl Settlement {
    /// Fails with [`Invalid`](ErrorKind::Invalid) when the refused number is said to be acknowledged
    /// too.
    pub fn check(&self) -> Result<(), Error> {
        match self.refused.as_ref().filter(|(number, _)| *number <= self.through) {
            None => Ok(()),
            Some((number, _)) => {
                let through = self.through;
                let message =
                    format!("number {number} is refused, and all up to {through} are not");
                Err(Error::new(ErrorKind::Invalid, "settle", message))
            }
        }
    }
}

/// What became of a settlement.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is recorded. These keys have nothing set aside any more that would block them.
    Done {
        /// The keys.
        unblocked: Vec<DeliveryKey>,
    },
    /// Another worker has the lane: nothing was recorded.
    Fenced,
}

/// The outbox as a relay sees it.
///
/// # Contract
/// Adapters prove these with `idp_conformance::deliveries!`.
///
/// 1. Progress, and what was set aside on the way, are recorded in one transaction; under an old epoch
///    neither is. Otherwise `record` is as [`advance`](OutboxLog::advance).
/// 2. Recording the same again, or late, changes nothing: no event is set aside twice, not even one
///    that has been settled since.
/// 3. A refused event parks its key. Nothing of a parked key becomes due: a scheduled event waits until
///    the key is parked no more.
/// 4. What is due is given in the order of the log within a key; what is scheduled is given at its
///    time by the clock of the database, not before.
/// 5. What was given and not settled is given again under the same numbers, and before anything
///    else, also when its key was parked since. A number is never given to another event.
/// 6. A settlement removes what was acknowledged. A refused event, and those of its key behind it,
///    lose their numbers and are parked.
/// 7. A key is blocked as long as events of it are set aside that are not scheduled.
pub trait Deliveries: OutboxLog {
    /// The keys of these lanes that are blocked.
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>>;

    /// Records progress with what was set aside, and renews the leases. Returns the lanes that the
    /// worker still holds: it has lost every other.
    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>>;

    /// Gives what is due on the side tracks of these lanes, at most `limit` events in all, numbered.
    /// Lanes whose lease is lost are left out.
    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>>;

    /// Records what came of sending what was due.
    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>>;
}
