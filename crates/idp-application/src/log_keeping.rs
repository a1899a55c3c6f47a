//! The port of operators, and of the job that keeps the log small: what may be dropped, what holds it
//! back, and who reads at all. The protocol is in `docs/purge.md`.

use crate::{Actor, BoxFuture, Cursor, Error, ErrorKind, Lane, Sharding};
use idp_domain::{TenantId, Timestamp};
use std::time::Duration;

/// What to keep beyond what somebody still has to read. It can only keep more, never less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgePolicy {
    /// Events are kept at least that long; zero keeps none for their age.
    pub keep_for: Duration,
    /// The last so many events are kept.
    pub keep_events: u64,
    /// About how many events one call drops at the most, at least 1. A store that drops whole
    /// partitions drops one even if it has more.
    pub events_max: u64,
}

impl Default for PurgePolicy {
    /// Keeps a day; a million events a call.
    fn default() -> Self {
        let keep_for = Duration::from_secs(24 * 60 * 60);
        Self { keep_for, keep_events: 0, events_max: 1_000_000 }
    }
}

impl PurgePolicy {
    /// Fails with [`Invalid`](ErrorKind::Invalid) when a value is out of bounds.
    pub fn check(&self) -> Result<(), Error> {
        if self.events_max > 0 {
            return Ok(());
        }
        let message = "`events_max` must be at least 1, got 0";
        Err(Error::new(ErrorKind::Invalid, "purge", message))
    }
}

/// What a purge did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeReport {
    /// How many events were dropped.
    pub events_dropped: u64,
    /// What kept it from dropping more; `None` when nothing did but the end of the log, or that the
    /// rest does not fill a partition yet.
    pub blocked_by: Option<PurgeBlock>,
}

/// What holds the log back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeBlock {
    /// There is no reader: nobody could say what was read.
    NoReader,
    /// The reader that is furthest behind.
    Reader(LaggingReader),
    /// A hold.
    Hold(LogHold),
    /// What the policy keeps.
    Policy,
    /// `events_max`: call again.
    Limit,
    /// Somebody has the partition, or the gate, locked for longer than this waited: a transaction that
    /// wrote long ago, a dump, another purge. Nothing was dropped.
    Locked,
    /// A transaction wrote into the oldest partition what some reader has still to read.
    LateCommit,
}

/// Where a reader is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaggingReader {
    /// The name of the reader.
    pub reader: String,
    /// Its lane that is furthest behind.
    pub lane: Lane,
    /// The tenant whose track of the lane it is, if it is one.
    pub tenant: Option<TenantId>,
    /// How far it is.
    pub cursor: Cursor,
    /// Since when the oldest event that it has not passed is there, as far as the store knows; `None`
    /// when there is none.
    pub since: Option<Timestamp>,
}

/// A reader of the log, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderStatus {
    /// The reader's name.
    pub name: String,
    /// How its workers share the log.
    pub sharding: Sharding,
    /// How many workers are alive.
    pub workers_live: u16,
    /// Its place that is furthest behind.
    pub furthest_behind: LaggingReader,
    /// How many events are set aside for it, parked, queued or scheduled.
    pub events_aside: u64,
    /// How many events had been dropped before it began: it never sees them.
    pub events_missed: u64,
}

/// A named wish that events are kept, whoever has read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHold {
    /// Its name.
    pub name: String,
    /// What it keeps: everything behind this place.
    pub from: Cursor,
    /// Since when it stands, by the clock of the database.
    pub since: Timestamp,
}

/// From where on a hold keeps the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldFrom {
    /// All that is there.
    Oldest,
    /// What is committed after it; perhaps some of what is there, too.
    Newest,
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepingCommand {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: KeepingAction,
    /// Why. Kept with the record of it.
    pub reason: String,
}

/// What can be done about what the log keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeepingAction {
    /// Keep the log from there on until the hold is released.
    Hold {
        /// The name of the hold, which no other has.
        name: String,
        /// From where.
        from: HoldFrom,
    },
    /// Let a hold go.
    Release {
        /// The name of the hold.
        name: String,
    },
    /// Remove a reader that never comes back, with all that is set aside for it. Should one of the name
    /// come back, it begins where the log then begins, and what its workers knew is fenced.
    Forget {
        /// The name of the reader.
        reader: String,
        /// Whether also when workers of it are alive, or events are set aside for it: those are lost
        /// to it.
        is_forced: bool,
    },
}

impl KeepingAction {
    /// A stable name, as the record has it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::Forget { is_forced: false, .. } => "forget",
            Self::Forget { is_forced: true, .. } => "forget_forced",
        }
    }

    /// The name of the hold, or of the reader.
    pub fn subject(&self) -> &str {
        match self {
            Self::Hold { name, .. } | Self::Release { name } => name,
            Self::Forget { reader, .. } => reader,
        }
    }
}

/// What was done, kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepingRecord {
    /// When, by the clock of the database.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// The [code](KeepingAction::code) of the action.
    pub action: String,
    /// The name of the hold, or of the reader.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// Keeps the log small, and tells what it must keep.
///
/// # Contract
/// Adapters prove these with `idp_conformance::log_keeping!`.
///
/// 1. A purge drops only what every place of every reader has passed, the tracks of its tenants
///    included, and what no hold keeps. Without a reader it drops nothing. It says what keeps it from
///    dropping more.
/// 2. A reader that joins later begins behind what was dropped, and numbers what is left as all others
///    do: the event that was the *n*-th of its lane is the *n*-th for it, too. It is told how many it
///    missed.
/// 3. Reading from a place behind which something was dropped fails with
///    [`Corrupt`](crate::ErrorKind::Corrupt): nobody takes what is gone for something that never was.
/// 4. A read model is not rebuilt from a log of which something was dropped: that fails with
///    [`Unsupported`](crate::ErrorKind::Unsupported) and changes nothing.
/// 5. A command and the record of it are written in one transaction. A hold whose name is taken fails
///    with [`Duplicate`](crate::ErrorKind::Duplicate); a hold or reader that is not there with
///    [`NotFound`](crate::ErrorKind::NotFound); a reader with living workers, or events set aside, is
///    not forgotten unless it is forced, and fails with [`Conflict`](crate::ErrorKind::Conflict).
/// 6. Whatever a worker knew of a reader that was forgotten is fenced, also when one of the same name
///    has come since, and no number of a side track is given again.
pub trait LogKeeping: Send + Sync + 'static {
    /// Drops what may be dropped, oldest first.
    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>>;

    /// All readers, by name.
    fn readers(&self) -> BoxFuture<'_, Result<Vec<ReaderStatus>, Error>>;

    /// All holds, by name.
    fn holds(&self) -> BoxFuture<'_, Result<Vec<LogHold>, Error>>;

    /// Does what an operator wants.
    fn keep<'a>(&'a self, command: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>>;

    /// What was done, the latest first.
    fn keeping_records(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeepingRecord>, Error>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purge_of_nothing_is_refused() {
        assert!(PurgePolicy::default().check().is_ok());
        let policy = PurgePolicy { events_max: 0, ..PurgePolicy::default() };
        assert_eq!(policy.check().expect_err("zero").kind(), ErrorKind::Invalid);
    }
}
