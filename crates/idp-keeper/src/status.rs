//! What a keeper tells about itself.

use crate::HeldUp;
use idp_application::{KeeperMetrics, PurgeReport};
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

/// A reader that began when a part of the log was gone already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateReader {
    /// Its name.
    pub reader: String,
    /// How many events it never saw, and never will.
    pub events_missed: u64,
}
