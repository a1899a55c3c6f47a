//! The port of monitoring: how far readers are behind, what they set aside, and what holds things up.

use crate::{BoxFuture, Error, ErrorKind, Lane, Sharding};
use idp_domain::{TenantId, Timestamp};
use std::time::Duration;

/// What a look at the lag may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagBounds {
    /// For each reader so many events are looked at, from the first that its place furthest behind has
    /// not passed. At least 1.
    pub events_max: u32,
    /// So many blockers of each kind are named, the oldest first. At least 1.
    pub blockers_max: u32,
}

impl Default for LagBounds {
    /// 10,000 events a reader, five blockers of a kind.
    fn default() -> Self {
        Self { events_max: 10_000, blockers_max: 5 }
    }
}

impl LagBounds {
    /// Fails with [`Invalid`](ErrorKind::Invalid) when values are out of bounds; the message names all
    /// of them.
    pub fn check(&self) -> Result<(), Error> {
        let bounds = [("events_max", self.events_max), ("blockers_max", self.blockers_max)];
        let faults: Vec<String> = bounds
            .into_iter()
            .filter(|(_, value)| *value == 0)
            .map(|(field, _)| format!("`{field}` must be at least 1, got 0"))
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "look at the lag", faults.join("; ")))
    }
}

/// How things stand with the log, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LagReport {
    /// That moment, by the clock of the database.
    pub now: Timestamp,
    /// Every reader, by name.
    pub readers: Vec<ReaderLag>,
    /// What holds things up, the oldest of each kind first, as far as the store can know. It need not
    /// do harm: what is young never does.
    pub blockers: Vec<Blocker>,
}

/// How far one reader is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderLag {
    /// The reader's name.
    pub name: String,
    /// How its workers share the log.
    pub sharding: Sharding,
    /// How many workers are alive.
    pub workers_live: u16,
    /// Whether every event that it has not passed was looked at. Otherwise the numbers of
    /// [`lags`](Self::lags) are the least that it can be, but for the oldest event of all, which is
    /// always among them.
    pub is_complete: bool,
    /// What it has not passed, by lane and tenant; the lane of one that reads the whole log is
    /// [`Lane::WHOLE`]. Only where there is something.
    pub lags: Vec<TenantLag>,
    /// How many keys are parked and wait for an operator.
    pub keys_parked: u64,
    /// How many events are set aside that block their key: refused ones, and those behind them.
    pub events_blocked: u64,
    /// How many events are set aside until their time comes.
    pub events_scheduled: u64,
    /// Since when the key that is parked longest is.
    pub parked_since: Option<Timestamp>,
}

/// What a reader has not passed of one tenant in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLag {
    /// The lane.
    pub lane: Lane,
    /// Whose events.
    pub tenant: TenantId,
    /// How many.
    pub events: u64,
    /// When the oldest of them occurred, by the clock of the service that committed it.
    pub oldest: Timestamp,
}

/// Something that holds things up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// What it is.
    pub kind: BlockerKind,
    /// Its name: of a session its application, of anything else its own.
    pub name: String,
    /// The process of the database server that it is, if it is one.
    pub pid: Option<i32>,
    /// Since when it is so, where that is known.
    pub since: Option<Timestamp>,
    /// How many bytes the server keeps for it, where that is known.
    pub bytes: Option<u64>,
    /// Whether events that it wrote, if it wrote any, are kept from being read, and the part of the log
    /// that they are in from being purged.
    pub holds_windows: bool,
    /// Whether it keeps dead rows from being removed.
    pub holds_vacuum: bool,
    /// Whether it keeps all of the log behind it from being purged.
    pub holds_purge: bool,
}

/// What holds things up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockerKind {
    /// An open transaction of a session.
    Transaction,
    /// A transaction that was prepared and is neither committed nor rolled back.
    PreparedTransaction,
    /// A replication slot.
    ReplicationSlot,
    /// A [hold](crate::LogHold).
    Hold,
}

impl BlockerKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::Transaction, Self::PreparedTransaction, Self::ReplicationSlot, Self::Hold];

    /// A stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::PreparedTransaction => "prepared_transaction",
            Self::ReplicationSlot => "replication_slot",
            Self::Hold => "hold",
        }
    }
}

impl LagReport {
    /// How long ago something was; zero when it is yet to come, as clocks may have it.
    pub fn age(&self, since: Timestamp) -> Duration {
        let micros = self.now.unix_micros().saturating_sub(since.unix_micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}

/// Tells how far readers are behind.
///
/// It changes nothing. What it costs is bounded: per reader, finding where its places stand, looking at
/// [`events_max`](LagBounds::events_max) events, and counting what is set aside.
///
/// # Contract
/// Adapters prove these with `idp_conformance::log_lag!`.
///
/// 1. Every reader is there. What it has not passed is counted once, under its lane and tenant, on the
///    track of a tenant as on the main one; what it has passed is not.
/// 2. The oldest event is that of those not passed which occurred first, as long as they occurred in
///    the order of the log.
/// 3. No more events than the bound are looked at, and a report that leaves some out says so.
/// 4. Parked keys and events that are set aside are counted, resumed keys are not parked.
/// 5. Holds are blockers.
pub trait LogLag: Send + Sync + 'static {
    /// How things stand. Fails with [`Invalid`](ErrorKind::Invalid) when the bounds are out of theirs.
    fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_bounds_are_reported_at_once() {
        assert!(LagBounds::default().check().is_ok());
        let error = LagBounds { events_max: 0, blockers_max: 0 }.check().expect_err("two faults");
        let expected =
            "`events_max` must be at least 1, got 0; `blockers_max` must be at least 1, got 0";
        assert_eq!(error.message(), expected);
    }
}
