//! Publishes to Apache Pulsar, each event stored once.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod token;
mod error;
mod bus;

mod sweeper;
mod streams;
mod session;
mod outlets;
mod round;
mod batch;
mod binding;
mod partition;
mod topic;

mod client;
mod recent;
mod producer;
mod connections;
mod connection;
mod answers;
mod handshake;
mod network;
mod service_url;

mod command;
mod metadata;
mod frame;

pub use bus::PulsarBus;
pub use config::{Access, Deduplication, PulsarConfig};
pub use token::Token;
pub use tokio_rustls::rustls;
