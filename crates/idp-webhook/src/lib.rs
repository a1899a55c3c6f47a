//! Webhooks: a bus that delivers events to HTTP endpoints of subscribers.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod error;
mod bus;

mod endpoint;
mod endpoints;
mod memory_endpoints;

mod signing;
mod wire;
mod retry_after;
mod rests;
mod stumbles;

mod guard;
mod network;
mod resolver;

mod client;
mod connection;
mod tls;

pub use bus::WebhookBus;
pub use config::{Absence, Mode, WebhookConfig};
pub use endpoint::{Audience, Endpoint, EndpointState, EndpointUrl, EventTypes};
pub use endpoints::Endpoints;
pub use memory_endpoints::MemoryEndpoints;
pub use network::Network;
pub use resolver::{Resolver, SystemResolver};
pub use signing::{Signed, SigningKey};
