//! The bus to streams, and the little of their protocol that it needs.
//!
//! The protocol is written here, because the official client, `rabbitmq-stream-client` 0.11, does not
//! do. It cannot connect to RabbitMQ 3.10: it asks for the versions of commands, which that does not
//! know and closes the connection over. It is built with the cryptography of AWS whatever the
//! features; it does not bound frames by what the broker takes; it panics on the confirmation of a
//! number that it does not wait for; a batch that cannot be written is a line in the log; and what a
//! dropped send has queued goes out later.

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
