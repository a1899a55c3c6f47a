//! What a keeper tells about itself.

use crate::HeldUp;
use idp_application::PurgeReport;
use idp_domain::Timestamp;

/// Where a keeper stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeeperStatus {
    /// What it has done, in numbers.
    pub metrics: KeeperMetrics,
    /// The report of the last purge that the database answered, and when that was.
    pub last_report: Option<(Timestamp, PurgeReport)>,
    /// What held the log at the last purge, if anything did but the configuration.
    pub held_up: Option<HeldUp>,
    /// Readers that began when a part of the log was gone already, by name.
    pub readers_late: Vec<LateReader>,
    /// The last failure, in words; `None` when the last turn had none.
    pub last_failure: Option<String>,
}

/// What a keeper has done since it was started.
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
    /// For how many seconds the log was held by something at the last purge; 0 when nothing held it.
    pub held_up_seconds: u64,
    /// Whether that is longer than [`alarm_after`](crate::KeeperConfig::alarm_after). Alarm on it.
    pub is_alarming: bool,
    /// Readers that began when a part of the log was gone already.
    pub readers_late: u64,
}

/// A reader that began when a part of the log was gone already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateReader {
    /// Its name.
    pub reader: String,
    /// How many events it never saw, and never will.
    pub events_missed: u64,
}
