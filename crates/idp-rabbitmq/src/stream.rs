//! The bus to streams, and the little of their protocol that it needs.
//!
//! The protocol is written here, not taken from the official client. What that client does not do: it
//! is built with the cryptography of AWS whatever the features; it does not bound frames by what the
//! broker takes; it panics on the confirmation of a number that it does not wait for; it tells no
//! cause when a batch cannot be written, and its dropped sends go out later.

mod config;
mod error;
mod bus;

mod amqp;
mod wire;
mod session;
mod producers;
mod pool;
mod round;
mod answers;
mod sending;

pub use bus::RabbitStreamBus;
pub use config::RabbitStreamConfig;
