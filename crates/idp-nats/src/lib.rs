//! Publishes to NATS JetStream.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod names;
mod bus;

mod call;
mod window;
mod strict;
mod top;
mod mark;
mod pace;

mod post;
mod headers;
mod flight;
mod acks;
mod denials;

mod destination;
mod link;
mod error;

pub use bus::NatsBus;
pub use config::{Deduplication, NatsAuth, NatsConfig};
pub use names::strict_subject;
