//! How fast the bus publishes small messages, beside a bare client that sends the same bytes.
//!
//! ```sh
//! cargo xtask servers --only pulsar -- cargo run --release -p idp-pulsar --example throughput_pulsar
//! ```
//! Arguments, optional: messages (100000), rounds (5). Both send them in calls of 500, wait for all receipts of a call before the next, and
//! take turns. The bare client does what a client must: it builds each frame and counts receipts.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/support/mod.rs"]
mod support;

use bytes::{Buf, BytesMut};
use idp_application::{EventBus, Message};
use idp_conformance::throughput::{BATCH, Comparison, Size};
use std::time::{Duration, Instant};
use support::bare::{Bare, SHARED, message_frame};
use support::harness::PulsarHarness;
use support::protobuf::Writer;
use support::{Sender, broker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let size = Size::from_args();
    let harness = PulsarHarness::start(0).await;
    let url = support::server("IDP_TEST_PULSAR");
    let config = idp_pulsar::PulsarConfig::for_service("shop", url);
    let bus = harness.connect(config).await;
    let mut comparison = Comparison::of("Pulsar", size.messages);
    for round in 0..size.rounds {
        let topic = harness.admin().topic(harness.namespace(), &format!("bare-{round}"), 0).await;
        let bare = bare(&topic, size.messages).await;
        let topic = harness.admin().topic(harness.namespace(), &format!("bus-{round}"), 0).await;
        comparison.add(bare, through(&bus, &topic, size.messages).await);
    }
    println!("{comparison}");
}

fn calls(topic: &str, messages: usize) -> impl Iterator<Item = Vec<Message>> {
    let sender = Sender::of_lane(topic, 0);
    let [messages, of_a_call] =
        [messages, BATCH].map(|n| i64::try_from(n).expect("some thousands"));
    let firsts = (1..=messages).step_by(BATCH);
    firsts.map(move |first| sender.messages(first..=(first + of_a_call - 1).min(messages)))
}

/// The time that the bus takes; making messages is not counted.
async fn through(bus: &impl EventBus, topic: &str, messages: usize) -> Duration {
    let mut time = Duration::ZERO;
    for messages in calls(topic, messages) {
        let started = Instant::now();
        bus.publish(&messages).await.expect("stored");
        time += started.elapsed();
    }
    time
}

/// The time that a bare client takes for the same. It reads receipts while it writes.
async fn bare(topic: &str, messages: usize) -> Duration {
    let mut bare = Bare::connect(&broker()).await;
    bare.produce(topic, "bare", SHARED, None).await.expect("a new topic");
    let (mut reader, mut writer) = bare.into_halves();
    let mut received = BytesMut::new();
    let mut time = Duration::ZERO;
    for messages in calls(topic, messages) {
        let started = Instant::now();
        let (written, ()) = tokio::join!(write(&mut writer, &messages), async {
            for _ in &messages {
                skip_receipt(&mut reader, &mut received).await;
            }
        });
        written.expect("the broker is there");
        time += started.elapsed();
    }
    time
}

async fn write(writer: &mut OwnedWriteHalf, messages: &[Message]) -> std::io::Result<()> {
    let mut frames = Vec::new();
    for message in messages {
        frames.extend(frame(message));
        if frames.len() > 64 * 1024 {
            writer.write_all(&frames).await?;
            frames.clear();
        }
    }
    writer.write_all(&frames).await
}

/// A frame that is small can only be a receipt here.
async fn skip_receipt(reader: &mut OwnedReadHalf, received: &mut BytesMut) {
    loop {
        if let Some(size) = received.get(..4) {
            let size = u32::from_be_bytes(size.try_into().expect("four bytes")) as usize;
            if received.len() >= 4 + size {
                return received.advance(4 + size);
            }
        }
        let count = reader.read_buf(received).await.expect("the broker is there");
        assert_ne!(count, 0, "the broker is there");
    }
}

fn frame(message: &Message) -> Vec<u8> {
    let sequence = message.sequence.unsigned_abs();
    let metadata = Writer::default().bytes(1, "shop/orders/0").number(2, sequence).number(3, 1);
    let property = |name: &str, value: &str| Writer::default().bytes(1, name).bytes(2, value).0;
    let mut metadata = metadata.bytes(4, property("content-type", "application/json"));
    for (name, value) in message.attributes() {
        metadata = metadata.bytes(4, property(&format!("ce_{name}"), &value));
    }
    let metadata = metadata.bytes(6, message.event.partition_key());
    message_frame(sequence, &metadata, &message.event.data)
}
