//! What a keeper counts. It stands here because whoever observes keepers is told of it.

/// What a keeper has done since it was started, and how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeeperMetrics {
    /// Turns, whatever came of them.
    pub turns: u64,
    /// Purges that the database answered.
    pub purges: u64,
    /// Events that they dropped.
    pub events_dropped: u64,
    /// Purges that found the log locked.
    pub purges_locked: u64,
    /// Purges that failed.
    pub purge_failures: u64,
    /// Segments that were archived, and recorded as such.
    pub archive_segments: u64,
    /// Events in them.
    pub archive_events: u64,
    /// Their size, compressed, in bytes.
    pub archive_bytes: u64,
    /// Turns in which nothing could be archived.
    pub archive_failures: u64,
    /// Lanes that another archiver took over while a segment of them was written. It is written again,
    /// by the other.
    pub archive_fenced: u64,
    /// Steps of turns that failed: joining the readers, archiving, purging, asking for the readers.
    pub failures: u64,
    /// For how many seconds the log was held by something at the last purge; 0 when nothing held it.
    pub held_up_seconds: u64,
    /// Whether that is longer than the keeper's `alarm_after`. Alarm on it.
    pub is_alarming: bool,
    /// Readers that began when a part of the log was gone already.
    pub readers_late: u64,
}
