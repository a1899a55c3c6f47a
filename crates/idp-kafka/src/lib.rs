//! Publishes to Apache Kafka.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bus;
mod config;
mod error;

mod caller;
mod producers;
mod session;

mod plain;
mod transactional;

mod failure;
mod gate;
mod record;
mod reports;
mod sender;

mod position;
mod position_reader;
mod positions;
mod positions_topic;

mod client;
mod deadline;

#[cfg(test)]
mod mock_broker;

pub use bus::KafkaBus;
pub use config::{Compression, Delivery, KafkaConfig};
