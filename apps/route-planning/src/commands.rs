//! What the program can do, one file a command.

mod archive;
mod board;
mod import;
mod relay;
mod serve;

mod greeting;
mod sample;
mod stop_signal;

pub(crate) use archive::{ArchiveCommand, archive};
pub(crate) use board::board;
pub(crate) use import::import;
pub(crate) use relay::relay;
pub(crate) use serve::serve;
