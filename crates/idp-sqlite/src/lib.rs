//! The SQLite store of idp.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod options;
mod store;

mod commit;
mod lease;
mod log;
mod reading;
mod sweep;
mod log_keeping;
mod log_lag;
mod purge;
mod migrate;
mod outbox_log;
mod set_aside;
mod side_track;
mod tenant_policies;
mod scope;
mod tenant_tracks;
mod deliveries;
mod dead_letters;
mod letters;
mod projection;
mod query;

mod readers;
mod writer;

mod connection;
mod dialect;
mod due_first;
mod error;
mod file_header;
mod value;

#[cfg(test)]
mod plan;

pub use options::{Durability, InvalidSqliteOptions, SqliteOptions};
pub use store::SqliteStore;
