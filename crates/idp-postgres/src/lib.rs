//! The PostgreSQL store of idp.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod store;
mod options;

mod commit;
mod outbox_log;
mod tick;
mod window;
mod lease;
mod projection;
mod migrate;

mod pool;
mod session;
mod parameter;
mod decode;
mod dialect;
mod error;

pub use options::{InvalidPgOptions, PgOptions};
pub use store::PgStore;
