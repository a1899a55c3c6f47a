//! Keeps the outbox small, and archives what it drops.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod handle;
mod keeper;
mod status;

mod engine;
mod held_up;
mod pauses;
mod telling;

mod archive;

pub use archive::{
    Archive, ArchiveConfig, ArchiveEvents, ArchiveReport, ArchiveSelection, ArchiveStore,
    ArchivedEvent, ArchivedPayloads, DirectoryArchive, GoneEvents, LaneRange, RecordedLanes,
    Replay, ReplayReport,
};
pub use config::KeeperConfig;
pub use handle::KeeperHandle;
pub use held_up::HeldUp;
pub use idp_application::KeeperMetrics;
pub use keeper::Keeper;
pub use status::{KeeperStatus, LateReader};
