//! Metrics of what idp does.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod telemetry;

mod observing;
mod sampling;

mod facts;
mod work_metrics;
mod lag_metrics;

mod bounded;
mod crew;
mod families;
mod held_up;

pub use config::TelemetryConfig;
pub use sampling::SamplingHandle;
pub use telemetry::Telemetry;
