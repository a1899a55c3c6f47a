//! How fast the bus is against the bare client: 10^5 small messages in batches of 500.
//!
//! Needs a server with JetStream, at `IDP_TEST_NATS`: `cargo run --release --example throughput`.

#![allow(clippy::print_stdout, reason = "it is run for what it prints")]

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream};
use idp_application::{CloudEvent, EventBus, Lane, Message, Stream, Track};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MESSAGES: i64 = 100_000;
const BATCH: usize = 500;
const ROUNDS: usize = 3;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("IDP_TEST_NATS")?;
    let jetstream = jetstream::new(async_nats::connect(&url).await?);
    let (mut bare, mut window, mut strict) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        bare = bare.min(by_the_client(&jetstream).await?);
        window = window.min(by_the_bus(&jetstream, &url, Deduplication::Window).await?);
        strict = strict.min(by_the_bus(&jetstream, &url, Deduplication::Strict).await?);
    }
    let rate = |time: Duration| MESSAGES as f64 / time.as_secs_f64();
    println!("bare client: {:.0} messages/s", rate(bare));
    for (name, time) in [("window", window), ("strict", strict)] {
        println!("bus, {name}: {:.0} messages/s, {:.2} of it", rate(time), rate(time) / rate(bare));
    }
    Ok(())
}

async fn fresh(jetstream: &jetstream::Context) -> Result<(), Failure> {
    let _ = jetstream.delete_stream("THROUGHPUT").await;
    let subjects = vec!["throughput.>".to_owned()];
    let config = stream::Config { name: "THROUGHPUT".into(), subjects, ..Default::default() };
    jetstream.create_stream(config).await?;
    Ok(())
}

/// The same headers and data, and all of a batch in flight.
async fn by_the_client(jetstream: &jetstream::Context) -> Result<Duration, Failure> {
    fresh(jetstream).await?;
    let messages = messages();
    let started = Instant::now();
    for batch in messages.chunks(BATCH) {
        let mut acks = Vec::with_capacity(BATCH);
        for message in batch {
            let mut headers = HeaderMap::new();
            for (name, value) in message.attributes() {
                headers.insert(format!("ce-{name}"), value);
            }
            headers.insert("ce-datacontenttype", &*message.event.content_type);
            headers.insert("Nats-Msg-Id", message.event.id.to_string());
            let data = message.event.data.clone();
            let sent = jetstream.publish_with_headers(message.topic.to_string(), headers, data);
            acks.push(sent.await?);
        }
        for ack in acks {
            ack.await?;
        }
    }
    Ok(started.elapsed())
}

async fn by_the_bus(
    jetstream: &jetstream::Context,
    url: &str,
    deduplication: Deduplication,
) -> Result<Duration, Failure> {
    fresh(jetstream).await?;
    let config = NatsConfig { deduplication, ..NatsConfig::new(url, "bench", ["THROUGHPUT"]) };
    let bus = NatsBus::connect(config).await?;
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
