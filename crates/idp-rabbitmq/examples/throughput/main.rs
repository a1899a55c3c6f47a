//! How fast the buses are next to a bare client that sends the same bytes.
//!
//! ```text
//! cargo xtask servers -- cargo run --release -p idp-rabbitmq --example throughput
//! ```
//!
//! 100 000 small messages in batches of 500, each confirmed before the next; the best of three runs
//! of each, taken in turn, since a broker is not equally fast all the time. Where messages of one
//! aggregate wait for each other, fewer messages show how much. The bare client of
//! exchanges is lapin; that of streams is a socket that frames are written to.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

mod bare_stream;
mod letters;

use bare_stream::BareStream;
use idp_application::{EventBus, Message};
use idp_rabbitmq::{RabbitBus, RabbitConfig, RabbitStreamBus, RabbitStreamConfig};
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use std::error::Error;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

const MESSAGES: usize = 100_000;
const BATCH: usize = 500;
const RUNS: usize = 3;

#[tokio::main]
async fn main() -> Outcome<()> {
    let uri = std::env::var("IDP_TEST_RABBITMQ")?;
    let node = std::env::var("IDP_TEST_RABBITMQ_STREAM")?;
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    streams(&node, &channel).await?;
    for (aggregates, messages) in [(BATCH, MESSAGES), (100, MESSAGES / 10), (1, MESSAGES / 100)] {
        exchanges(&uri, &channel, aggregates, messages).await?;
    }
    Ok(())
}

/// Each batch has messages of so many aggregates.
async fn exchanges(
    uri: &str,
    channel: &Channel,
    aggregates: usize,
    messages: usize,
) -> Outcome<()> {
    let queue = name("queue");
    declare(channel, &queue, "classic").await?;
    let bus = RabbitBus::connect(RabbitConfig::at(uri)).await?;
    let letters = letters::letters(&format!("/{queue}"), messages, aggregates);
    let (mut bare, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        bare = bare.min(timed(bare_exchanges(channel, &queue, &letters)).await?);
        purge(channel, &queue).await?;
        ours = ours.min(timed(publish(&bus, &letters)).await?);
        purge(channel, &queue).await?;
    }
    report(&format!("exchanges, {aggregates} aggregates a batch"), messages, bare, ours);
    Ok(())
}

async fn streams(node: &str, channel: &Channel) -> Outcome<()> {
    let (mut bare, mut ours) = (Duration::MAX, Duration::MAX);
    let bus = RabbitStreamBus::connect(RabbitStreamConfig::at(node)).await?;
    for run in 0..RUNS {
        let stream = format!("{}-{run}", name("stream"));
        declare(channel, &stream, "stream").await?;
        let letters = letters::letters(&stream, MESSAGES, BATCH);
        let mut client = BareStream::connect(node, &stream).await?;
        let bodies = letters::bodies(&letters);
        bare = bare.min(timed(client.publish(&bodies, BATCH)).await?);
        ours = ours.min(timed(publish(&bus, &letters)).await?);
    }
    report("streams", MESSAGES, bare, ours);
    Ok(())
}

async fn publish(bus: &dyn EventBus, letters: &[Message]) -> Outcome<()> {
    for batch in letters.chunks(BATCH) {
        bus.publish(batch).await?;
    }
    Ok(())
}

/// As the examples of lapin do it: all of a batch, then all its confirmations.
async fn bare_exchanges(channel: &Channel, queue: &str, letters: &[Message]) -> Outcome<()> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    for batch in letters.chunks(BATCH) {
        let mut confirms = Vec::with_capacity(BATCH);
        for letter in batch {
            let (to, properties) = (short(queue), properties(letter));
            let sending =
                channel.basic_publish(short(""), to, options, &letter.event.data, properties);
            confirms.push(sending.await?);
        }
        for confirm in confirms {
            assert!(confirm.await?.is_ack());
        }
    }
    Ok(())
}

fn properties(letter: &Message) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in letter.attributes() {
        headers.insert(short(&format!("ce-{name}")), AMQPValue::LongString(value.into()));
    }
    BasicProperties::default()
        .with_headers(headers)
        .with_content_type(short(&letter.event.content_type))
        .with_message_id(short(&letter.event.id.to_string()))
        .with_delivery_mode(2)
}

async fn timed(work: impl Future<Output = Outcome<()>>) -> Outcome<Duration> {
    let started = Instant::now();
    work.await?;
    Ok(started.elapsed())
}

fn report(what: &str, messages: usize, bare: Duration, ours: Duration) {
    let rate = |time: Duration| messages as f64 / time.as_secs_f64();
    let (bare, ours) = (rate(bare), rate(ours));
    println!("{what}: bare {bare:.0}/s, ours {ours:.0}/s, ratio {:.2}", ours / bare);
}

fn name(what: &str) -> String {
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), what);
    format!("idp-throughput-{what}-{random:016x}")
}

async fn declare(channel: &Channel, queue: &str, kind: &str) -> Outcome<()> {
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    let mut arguments = FieldTable::default();
    arguments.insert(short("x-queue-type"), AMQPValue::LongString(kind.into()));
    channel.queue_declare(short(queue), options, arguments).await?;
    Ok(())
}

async fn purge(channel: &Channel, queue: &str) -> Outcome<()> {
    channel.queue_purge(short(queue), QueuePurgeOptions::default()).await?;
    Ok(())
}

fn short(text: &str) -> ShortString {
    ShortString::from(text)
}
