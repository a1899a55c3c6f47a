//! Events on RabbitMQ.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod error;
mod bus;

mod address;
mod binding;
mod broker;
mod session;
mod openings;
mod sending;
mod lineup;
mod routes;

mod stream;

#[cfg(test)]
mod sample;

pub use bus::RabbitBus;
pub use config::{RabbitConfig, RabbitOrder};
pub use stream::{RabbitStreamBus, RabbitStreamConfig};
