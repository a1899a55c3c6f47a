//! How fast the bus is beside the bare client, in turn. It empties the database.
//!
//! ```sh
//! cargo xtask servers --only redis -- cargo run --release -p idp-redis --example throughput_redis
//! ```
//! Arguments, optional: messages (100000), rounds (5).

#![allow(clippy::print_stdout, reason = "it is run for what it prints")]

use idp_application::Message;
use idp_conformance::throughput::{BATCH, Comparison, Size, messages, publish};
use idp_redis::{RedisBus, RedisConfig};
use redis::aio::MultiplexedConnection;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("IDP_TEST_REDIS")?;
    let size = Size::from_args();
    let client = redis::Client::open(url.as_str())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let messages = messages("throughput.letters", size.messages, 1_000);
    let mut comparison = Comparison::of("Redis", size.messages);
    for _ in 0..size.rounds {
        let _: () = redis::cmd("FLUSHDB").query_async(&mut connection).await?;
        let bare = by_the_client(&mut connection, &messages).await?;
        let _: () = redis::cmd("FLUSHDB").query_async(&mut connection).await?;
        comparison.add(bare, by_the_bus(&url, &messages).await?);
    }
    println!("{comparison}");
    Ok(())
}

/// The same fields, and all of a batch in one pipeline.
async fn by_the_client(
    connection: &mut MultiplexedConnection,
    messages: &[Message],
) -> Result<Duration, Failure> {
    let started = Instant::now();
    for batch in messages.chunks(BATCH) {
        let mut pipe = redis::pipe();
        for message in batch {
            pipe.cmd("XADD").arg(&*message.topic).arg("*");
            for (name, value) in message.attributes() {
                pipe.arg(format!("ce_{name}")).arg(value);
            }
            pipe.arg("content-type").arg(&*message.event.content_type);
            pipe.arg("data").arg(&message.event.data[..]).ignore();
        }
        let _: () = pipe.query_async(connection).await?;
    }
    Ok(started.elapsed())
}

async fn by_the_bus(url: &str, messages: &[Message]) -> Result<Duration, Failure> {
    let bus = RedisBus::connect(RedisConfig::new(url, "bench")).await?;
    let started = Instant::now();
    publish(&bus, messages).await?;
    Ok(started.elapsed())
}
