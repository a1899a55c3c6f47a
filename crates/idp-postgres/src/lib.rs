//! The PostgreSQL store of idp.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod store;
mod options;

mod commit;
mod outbox_log;
mod tick;
mod walk;
mod window;
mod lease;
mod lane_rows;
mod deliveries;
mod set_aside;
mod dead_letters;
mod letters;
mod tenant_policies;
mod scope;
mod tenant_tracks;
mod log_keeping;
mod log_lag;
mod projection;
mod notify;
mod migrate;

mod pool;
mod session;
mod parameter;
mod decode;
mod dialect;
mod error;

pub use notify::{PgNotify, PgNotifyOptions};
pub use options::{InvalidPgOptions, PgOptions};
pub use store::PgStore;
