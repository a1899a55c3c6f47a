//! How many messages a second one stream carries, against bare clients of librdkafka that send the
//! same records: the figures of `docs/adr/0014-kafka-client.md`.
//!
//! ```sh
//! IDP_TEST_KAFKA=127.0.0.1:9092 cargo run --release -p idp-kafka --example throughput
//! ```
//! Arguments, all optional: messages (100000), messages of a batch (500), rounds (3).
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

mod bare;
mod cluster;
mod messages;

use bare::{BareIdempotent, BareTransactional};
use cluster::Cluster;
use idp_application::{EventBus, Message};
use idp_kafka::{Delivery, KafkaBus, KafkaConfig};
use std::time::Instant;

struct Sizes {
    messages: i64,
    batch: usize,
    rounds: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let sizes = sizes();
    let cluster = Cluster::from_environment().await;
    let topic = cluster.topic.clone();
    let messages = messages::of_stream(&topic, sizes.messages);
    let mut figures = [const { Vec::new() }; 5];
    for round in 0..sizes.rounds {
        let once = bus(&cluster, round, Delivery::Transactional).await;
        figures[0].push(publish(&once, &messages, sizes.batch).await);
        let plain = bus(&cluster, round, Delivery::Idempotent).await;
        figures[1].push(publish(&plain, &messages, sizes.batch).await);
        let (cluster, messages, batch) = (cluster.clone(), messages.clone(), sizes.batch);
        let bare = tokio::task::spawn_blocking(move || {
            let records = bare::records(&messages);
            let id = format!("{}-bare-{round}", cluster.id);
            let transactional = BareTransactional::new(&cluster, &id);
            let positions = BareTransactional::with_positions(&cluster, &format!("{id}-p"));
            let idempotent = BareIdempotent::new(&cluster);
            [
                rate(records.len(), || transactional.send(&records, batch)),
                rate(records.len(), || positions.send(&records, batch)),
                rate(records.len(), || idempotent.send(&records, batch)),
            ]
        });
        for (figures, rate) in figures[2..].iter_mut().zip(bare.await.expect("it sends")) {
            figures.push(rate);
        }
    }
    report(figures.map(median));
    cluster.remove().await;
}

fn sizes() -> Sizes {
    let mut given = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let mut next = |usual: u32| given.next().unwrap_or(usual);
    let (messages, batch, rounds) = (next(100_000), next(500), next(3));
    Sizes { messages: messages.into(), batch: batch as usize, rounds: rounds as usize }
}

async fn bus(cluster: &Cluster, round: usize, delivery: Delivery) -> KafkaBus {
    let config = KafkaConfig {
        delivery,
        positions_topic: cluster.positions.clone(),
        ..KafkaConfig::new(&cluster.address, format!("{}-{round}-", cluster.id))
    };
    KafkaBus::connect(config).await.expect("the broker answers")
}

/// Messages a second, the first batch left out: it takes the stream over.
async fn publish(bus: &KafkaBus, messages: &[Message], batch: usize) -> f64 {
    let (first, rest) = messages.split_at(batch);
    bus.publish(first).await.expect("published");
    let started = Instant::now();
    for messages in rest.chunks(batch) {
        bus.publish(messages).await.expect("published");
    }
    rest.len() as f64 / started.elapsed().as_secs_f64()
}

fn rate(messages: usize, send: impl FnOnce()) -> f64 {
    let started = Instant::now();
    send();
    messages as f64 / started.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn report([once, plain, transactional, positions, idempotent]: [f64; 5]) {
    let line = |name: &str, rate: f64, against: &str, bare: f64| {
        println!("{name:<44} {rate:>9.0}/s  {:>5.2} of {against}", rate / bare);
    };
    println!("{:<44} {transactional:>9.0}/s", "bare, transactions");
    println!("{:<44} {positions:>9.0}/s", "bare, transactions with a position in each");
    println!("{:<44} {idempotent:>9.0}/s", "bare, idempotent");
    line("KafkaBus, stored once", once, "bare, transactions", transactional);
    line("KafkaBus, stored once", once, "bare, with a position", positions);
    line("KafkaBus, idempotent", plain, "bare, idempotent", idempotent);
}
