//! How fast the bus is beside the bare client, in turn.
//!
//! ```sh
//! cargo xtask servers --only nats -- cargo run --release -p idp-nats --example throughput_nats
//! ```
//! Arguments, optional: messages (100000), rounds (5).

#![allow(clippy::print_stdout, reason = "it is run for what it prints")]

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream};
use idp_application::Message;
use idp_conformance::throughput::{BATCH, Comparison, Size, messages, publish};
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("IDP_TEST_NATS")?;
    let size = Size::from_args();
    let jetstream = jetstream::new(async_nats::connect(&url).await?);
    let messages = messages("throughput.letters", size.messages, 1_000);
    for (name, deduplication) in
        [("NATS, window", Deduplication::Window), ("NATS, strict", Deduplication::Strict)]
    {
        let mut comparison = Comparison::of(name, size.messages);
        for _ in 0..size.rounds {
            let bare = by_the_client(&jetstream, &messages).await?;
            comparison.add(bare, by_the_bus(&jetstream, &url, deduplication, &messages).await?);
        }
        println!("{comparison}");
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
async fn by_the_client(
    jetstream: &jetstream::Context,
    messages: &[Message],
) -> Result<Duration, Failure> {
    fresh(jetstream).await?;
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
    messages: &[Message],
) -> Result<Duration, Failure> {
    fresh(jetstream).await?;
    let config = NatsConfig { deduplication, ..NatsConfig::new(url, "bench", ["THROUGHPUT"]) };
    let bus = NatsBus::connect(config).await?;
    let started = Instant::now();
    publish(&bus, messages).await?;
    Ok(started.elapsed())
}
