//! Carries the events of the outbox to a bus.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod handle;
mod relay;
mod target;
mod wake_up;

mod engine;
mod gone;
mod telling;
mod send_span;
mod sends;
mod worker;

pub use config::RelayConfig;
pub use handle::RelayHandle;
pub use idp_application::RelayMetrics;
pub use relay::Relay;
pub use target::{EventFilter, Target, TopicRule};
pub use wake_up::{WakeUp, WakeUpConfig, WakeUpHandle, WakeUpStep};
