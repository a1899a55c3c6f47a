//! What the program can do, one file a command.

mod archive;
mod board;
mod import;
mod log;
mod outbox;
mod relay;
mod serve;
mod tenant;

mod greeting;
mod one_line;
mod operator;
mod sample;
mod stop_signal;

pub(crate) use archive::{ArchiveCommand, archive};
pub(crate) use board::board;
pub(crate) use import::import;
pub(crate) use log::{LogCommand, log};
pub(crate) use outbox::{OutboxCommand, outbox};
pub(crate) use relay::relay;
pub(crate) use serve::serve;
pub(crate) use tenant::{TenantCommand, tenant};
