//! Publishes to Redis Streams.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod names;
mod bus;

mod call;
mod step;
mod entry;

mod server;
mod link;
mod error;

pub use bus::RedisBus;
pub use config::{RedisConfig, Replicas};
pub use names::{stream_key, stream_key_pattern};
