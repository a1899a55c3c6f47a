//! What the tests share: the servers, clients that are not ours, and messages.

#![allow(dead_code, unreachable_pub, reason = "not every test uses everything")]

pub mod letters;
pub mod own_broker;
pub mod plain;
pub mod queues;
pub mod streams;

use idp_application::{EventBus, Message};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What takes longer will not come.
pub const SOON: Duration = Duration::from_secs(20);

/// The URI of the broker, `amqp://user:password@host:port`.
pub fn broker_uri() -> String {
    variable(
        "IDP_TEST_RABBITMQ",
        "the AMQP port of a RabbitMQ, as amqp://guest:guest@127.0.0.1:PORT",
    )
}

/// The address of the broker's stream listener, `host:port`.
pub fn stream_node() -> String {
    variable("IDP_TEST_RABBITMQ_STREAM", "the stream port of the same RabbitMQ, as 127.0.0.1:PORT")
}

fn variable(name: &str, what: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} must name {what}; `cargo xtask servers -- COMMAND` starts one and sets it")
    })
}

/// A name that nobody else uses.
pub fn unique(what: &str) -> String {
    format!("idp-{what}-{:016x}", RandomState::new().hash_one(what))
}

/// Publishes until it is taken over, but not for ever.
pub async fn deliver(bus: &dyn EventBus, letters: &[Message]) {
    let started = Instant::now();
    while let Err(error) = soon("the answer", bus.publish(letters)).await {
        assert!(started.elapsed() < SOON * 3, "it does not recover: {error:?}");
        // A bus that knows that it cannot answers at once.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits, but not for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
