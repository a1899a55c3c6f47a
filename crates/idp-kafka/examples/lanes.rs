//! What producers cost: threads, memory and time of a bus that publishes so many lanes.
//!
//! ```sh
//! IDP_TEST_KAFKA=127.0.0.1:9092 cargo run --release -p idp-kafka --example lanes
//! ```
//! Arguments, optional: lanes (64), messages of a batch (500).
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "throughput_kafka/cluster.rs"]
mod cluster;

use cluster::Cluster;
use idp_application::{EventBus, Lane, Message, Stream};
use idp_conformance::throughput;
use idp_kafka::{Delivery, KafkaBus, KafkaConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let argument = |at| std::env::args().nth(at).map(|text| text.parse().expect("a number"));
    let (lanes, batch) = (argument(1).unwrap_or(64), i64::from(argument(2).unwrap_or(500)));
    let cluster = Cluster::from_environment().await;
    for delivery in [Delivery::Transactional, Delivery::Idempotent] {
        let before = status();
        let config = KafkaConfig {
            delivery,
            positions_topic: cluster.positions.clone(),
            producer_idle_max: Duration::from_secs(5),
            ..KafkaConfig::new(&cluster.address, format!("{}-", cluster.id))
        };
        let bus = Arc::new(KafkaBus::connect(config).await.expect("the broker answers"));
        let opened = publish(&bus, &cluster, lanes, 1..=batch).await;
        let during = status();
        let again = publish(&bus, &cluster, lanes, batch + 1..=2 * batch).await;
        println!(
            "{delivery:?}, {lanes} lanes: {} threads, {} MB more; the first {batch} messages of each in \
             {opened:?}, the next in {again:?}",
            during.0 - before.0,
            during.1.saturating_sub(before.1) / 1_000,
        );
        tokio::time::sleep(Duration::from_secs(12)).await;
        let idle = status();
        println!(
            "  idle: {} threads, {} MB more than before",
            idle.0.saturating_sub(before.0),
            idle.1.saturating_sub(before.1) / 1_000
        );
    }
    cluster.remove().await;
}

/// Messages of each lane, all lanes at once.
async fn publish(
    bus: &Arc<KafkaBus>,
    cluster: &Cluster,
    lanes: i16,
    numbers: std::ops::RangeInclusive<i64>,
) -> Duration {
    let count = usize::try_from(*numbers.end()).expect("positive");
    let template = throughput::messages(&cluster.topic, count, 50);
    let template = &template[usize::try_from(*numbers.start()).expect("positive") - 1..];
    let batches: Vec<Vec<Message>> = (0..lanes).map(|lane| in_lane(template, lane)).collect();
    let started = Instant::now();
    let sending: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let bus = Arc::clone(bus);
            tokio::spawn(async move {
                while let Err(error) = bus.publish(&batch).await {
                    println!("  again: {error}");
                }
            })
        })
        .collect();
    for sent in sending {
        sent.await.expect("no panic");
    }
    started.elapsed()
}

fn in_lane(messages: &[Message], lane: i16) -> Vec<Message> {
    let stream = Stream { lane: Lane::from_number(lane), ..(*messages[0].stream).clone() };
    let stream = Arc::new(stream);
    let message = |message: &Message| Message { stream: Arc::clone(&stream), ..message.clone() };
    messages.iter().map(message).collect()
}

/// Threads of this process, and kilobytes that it has in memory.
fn status() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("it is there");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    };
    (value("Threads:"), value("VmRSS:"))
}
