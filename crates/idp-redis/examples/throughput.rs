//! How fast the bus is against the bare client: 10^5 small messages in batches of 500.
//!
//! Needs a server, at `IDP_TEST_REDIS`, and empties its database: `cargo run --release --example throughput`.

#![allow(clippy::print_stdout, reason = "it is run for what it prints")]

use idp_application::{CloudEvent, EventBus, Lane, Message, Stream, Track};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_redis::{RedisBus, RedisConfig};
use redis::aio::MultiplexedConnection;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MESSAGES: i64 = 100_000;
const BATCH: usize = 500;
const ROUNDS: usize = 3;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("IDP_TEST_REDIS")?;
    let client = redis::Client::open(url.as_str())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let (mut bare, mut bus) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let _: () = redis::cmd("FLUSHDB").query_async(&mut connection).await?;
        bare = bare.min(by_the_client(&mut connection).await?);
        let _: () = redis::cmd("FLUSHDB").query_async(&mut connection).await?;
        bus = bus.min(by_the_bus(&url).await?);
    }
    let rate = |time: Duration| MESSAGES as f64 / time.as_secs_f64();
    println!("bare client: {:.0} messages/s", rate(bare));
    println!("bus: {:.0} messages/s, {:.2} of it", rate(bus), rate(bus) / rate(bare));
    Ok(())
}

/// The same fields, and all of a batch in one pipeline.
async fn by_the_client(connection: &mut MultiplexedConnection) -> Result<Duration, Failure> {
    let messages = messages();
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

async fn by_the_bus(url: &str) -> Result<Duration, Failure> {
    let bus = RedisBus::connect(RedisConfig::new(url, "bench")).await?;
    let messages = messages();
    let started = Instant::now();
    for batch in messages.chunks(BATCH) {
        bus.publish(batch).await?;
    }
    Ok(started.elapsed())
}

fn messages() -> Vec<Message> {
    let lane = Lane::from_number(1);
    let stream = Arc::new(Stream { target: "bench".into(), lane, track: Track::Main });
    let tenant = TenantId::new("acme").expect("a name");
    let topic: Arc<str> = "throughput.orders".into();
    let source: Arc<str> = "/bench".into();
    let event = |sequence: i64| CloudEvent {
        id: Uuid::from_u128(sequence.unsigned_abs().into()),
        source: Arc::clone(&source),
        event_type: "order.placed".into(),
        time: Timestamp::UNIX_EPOCH,
        tenant: tenant.clone(),
        aggregate_type: "order".into(),
        aggregate_id: Uuid::from_u128((sequence % 1_000).unsigned_abs().into()),
        aggregate_version: 1,
        schema_id: "order.placed".into(),
        schema_version: 1,
        content_hash: None,
        metadata: Default::default(),
        content_type: CloudEvent::JSON.into(),
        data: format!(r#"{{"order":{sequence},"total":"12.50","currency":"EUR"}}"#).into(),
    };
    (1..=MESSAGES)
        .map(|sequence| Message {
            topic: Arc::clone(&topic),
            event: event(sequence),
            stream: Arc::clone(&stream),
            sequence,
            epoch: 1,
        })
        .collect()
}
