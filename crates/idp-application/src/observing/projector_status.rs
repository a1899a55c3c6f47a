//! Where a projector stands. It stands here because whoever observes projectors is told of it.

use std::sync::Arc;

/// Where a projector stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectorStatus {
    /// Whether it works; the others of the same projection stand by.
    pub holds_lease: bool,
    /// The number of the last event that is in the read model, as far as this projector knows.
    pub checkpoint: i64,
    /// Events that it has applied since it was started, those passed over included.
    pub events: u64,
    /// Batches applied.
    pub batches: u64,
    /// Rows written or removed.
    pub rows_written: u64,
    /// Events that had been dropped from the log before the projection began: its rows know nothing of
    /// them, unless they were filled in from an archive.
    pub events_missed: u64,
    /// Calls of the database that failed.
    pub failures: u64,
    /// Times that the lease was lost to another projector.
    pub fenced: u64,
    /// Why it does not get on, when an event cannot be folded.
    pub stalled: Option<Arc<str>>,
}
