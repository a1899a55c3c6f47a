//! Change data capture for idp.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod watch;

mod publication;
mod slot;
mod stream;
mod unseen;
mod error;

pub use config::CdcConfig;
pub use watch::PgCdc;
