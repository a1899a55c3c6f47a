//! Runs projections.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod fill;
mod handle;
mod projector;

mod engine;
mod folding;
mod request;
mod row_key;

pub use config::ProjectorConfig;
pub use fill::{Filled, fill};
pub use handle::ProjectorHandle;
pub use idp_application::ProjectorStatus;
pub use projector::Projector;
