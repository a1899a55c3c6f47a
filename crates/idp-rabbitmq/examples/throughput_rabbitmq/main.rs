//! How fast the buses are next to a bare client that sends the same bytes.
//!
//! ```sh
//! cargo xtask servers --only rabbitmq -- cargo run --release -p idp-rabbitmq --example throughput_rabbitmq
//! ```
//! Arguments, optional: messages (100000), rounds (5).
//!
//! Small messages in batches of 500, each confirmed before the next, in turn, since a broker is not
//! equally fast all the time. Where messages of one
//! aggregate wait for each other, fewer messages show how much. The bare client of
//! exchanges is lapin; that of streams is a socket that frames are written to.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

mod bare_stream;
mod bodies;

use bare_stream::BareStream;
use idp_application::{EventBus, Message};
use idp_conformance::throughput::{BATCH, Comparison, Size, messages, publish};
use idp_rabbitmq::{RabbitBus, RabbitConfig, RabbitOrder, RabbitStreamBus, RabbitStreamConfig};
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use std::error::Error;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let uri = std::env::var("IDP_TEST_RABBITMQ")?;
    let node = std::env::var("IDP_TEST_RABBITMQ_STREAM")?;
    let size = Size::from_args();
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    streams(&node, &channel, size).await?;
    // Fewer than for streams: the broker keeps what is in a queue in memory, and throttles when that is full.
    let cells = [
        (BATCH, RabbitOrder::Strict, 5),
        (100, RabbitOrder::Strict, 10),
        (1, RabbitOrder::Strict, 100),
        (1, RabbitOrder::Window, 10),
    ];
    for (aggregates, order, part) in cells {
        let size = Size { messages: (size.messages / part).max(1), ..size };
        exchanges(&uri, &channel, (aggregates, order), size).await?;
    }
    Ok(())
}

/// Each batch has messages of so many aggregates. A window is for quorum queues.
async fn exchanges(
    uri: &str,
    channel: &Channel,
    (aggregates, order): (usize, RabbitOrder),
    size: Size,
) -> Outcome<()> {
    let queue = name("queue");
    let (kind, what) = match order {
        RabbitOrder::Strict => ("classic", "exchanges"),
        RabbitOrder::Window => ("quorum", "quorum queue with a window"),
    };
    declare(channel, &queue, kind).await?;
    let bus = RabbitBus::connect(RabbitConfig { order, ..RabbitConfig::at(uri) }).await?;
    let letters = messages(&format!("/{queue}"), size.messages, aggregates);
    let what = format!("RabbitMQ {what}, {aggregates} aggregates a batch");
    let mut comparison = Comparison::of(what, size.messages);
    for _ in 0..size.rounds {
        let bare = timed(bare_exchanges(channel, &queue, &letters)).await?;
        purge(channel, &queue).await?;
        comparison.add(bare, timed(ours(&bus, &letters)).await?);
        purge(channel, &queue).await?;
    }
    println!("{comparison}");
    Ok(())
}

async fn streams(node: &str, channel: &Channel, size: Size) -> Outcome<()> {
    let mut comparison = Comparison::of("RabbitMQ streams", size.messages);
    let bus = RabbitStreamBus::connect(RabbitStreamConfig::at(node, "throughput")).await?;
    for round in 0..size.rounds {
        let stream = format!("{}-{round}", name("stream"));
        declare(channel, &stream, "stream").await?;
        let letters = messages(&stream, size.messages, BATCH);
        let mut client = BareStream::connect(node, &stream).await?;
        let bodies = bodies::of(&letters);
        // Both have their connection and producer before the time counts.
        client.publish(&bodies[..1], BATCH).await?;
        ours(&bus, &letters[..1]).await?;
        let bare = timed(client.publish(&bodies[1..], BATCH)).await?;
        comparison.add(bare, timed(ours(&bus, &letters[1..])).await?);
    }
    println!("{comparison}");
    Ok(())
}

async fn ours(bus: &dyn EventBus, letters: &[Message]) -> Outcome<()> {
    Ok(publish(bus, letters).await?)
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
