//! The archive: what is written before events are dropped, and how it is read.

mod archived_event;
mod directory;
mod head;
mod manifest;
mod origin;
mod segment;
mod store;

mod archiver;
mod beginning;
mod config;
mod payloads;

mod order;
mod reading;
mod recorded;
mod replay;
mod selection;
mod verify;

pub use archived_event::ArchivedEvent;
pub use config::ArchiveConfig;
pub use directory::DirectoryArchive;
pub use manifest::LaneRange;
pub use payloads::ArchivedPayloads;
pub use reading::{Archive, ArchiveEvents};
pub use recorded::RecordedLanes;
pub use replay::{GoneEvents, Replay, ReplayReport};
pub use selection::ArchiveSelection;
pub use store::ArchiveStore;
pub use verify::ArchiveReport;

pub(crate) use archiver::{Archiver, Step};
