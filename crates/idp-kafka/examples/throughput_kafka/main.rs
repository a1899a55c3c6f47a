//! How many messages a second one stream carries, against bare clients of librdkafka that send the
//! same records: the figures of `docs/adr/0014-kafka-client.md`.
//!
//! ```sh
//! cargo xtask servers --only kafka -- cargo run --release -p idp-kafka --example throughput_kafka
//! ```
//! Arguments, optional: messages (100000), rounds (5).
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

mod bare;
mod cluster;

use bare::{BareIdempotent, BareTransactional, Record};
use cluster::Cluster;
use idp_application::Message;
use idp_conformance::throughput::{BATCH, Comparison, Size, messages, publish};
use idp_kafka::{Delivery, KafkaBus, KafkaConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sends the records of one round.
type Sending = Box<dyn FnOnce(&[Record]) + Send>;

/// Aggregates that take turns.
const AGGREGATES: usize = 50;

/// Who sends the same by the client alone.
enum Bare {
    Transactional,
    WithPositions,
    Idempotent,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let size = Size::from_args();
    let cluster = Cluster::from_environment().await;
    let messages = messages(&cluster.topic, size.messages + BATCH, AGGREGATES);
    let records = Arc::new(bare::records(&messages[BATCH..]));
    for (name, delivery, bare) in [
        ("Kafka, stored once : transactions", Delivery::Transactional, Bare::Transactional),
        ("Kafka, stored once : with a position", Delivery::Transactional, Bare::WithPositions),
        ("Kafka, idempotent", Delivery::Idempotent, Bare::Idempotent),
    ] {
        let mut comparison = Comparison::of(name, size.messages);
        for round in 0..size.rounds {
            let id = format!("{}-{delivery:?}-{round}", name.len());
            let theirs = by_the_client(&cluster, &id, &bare, &records).await;
            let bus = bus(&cluster, &id, delivery).await;
            comparison.add(theirs, by_the_bus(&bus, &messages).await);
        }
        println!("{comparison}");
    }
    cluster.remove().await;
}

async fn by_the_client(
    cluster: &Cluster,
    id: &str,
    bare: &Bare,
    records: &Arc<Vec<Record>>,
) -> Duration {
    let (cluster, records) = (cluster.clone(), Arc::clone(records));
    let id = format!("{}-bare-{id}", cluster.id);
    let send: Sending = match bare {
        Bare::Transactional => {
            let bare = BareTransactional::new(&cluster, &id);
            Box::new(move |records| bare.send(records, BATCH))
        }
        Bare::WithPositions => {
            let bare = BareTransactional::with_positions(&cluster, &id);
            Box::new(move |records| bare.send(records, BATCH))
        }
        Bare::Idempotent => {
            let bare = BareIdempotent::new(&cluster);
            Box::new(move |records| bare.send(records, BATCH))
        }
    };
    let sending = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        send(&records);
        started.elapsed()
    });
    sending.await.expect("it sends")
}

async fn bus(cluster: &Cluster, id: &str, delivery: Delivery) -> KafkaBus {
    let config = KafkaConfig {
        delivery,
        positions_topic: cluster.positions.clone(),
        ..KafkaConfig::new(&cluster.address, format!("{}-{id}-", cluster.id))
    };
    KafkaBus::connect(config).await.expect("the broker answers")
}

/// The first batch is left out: it takes the stream over.
async fn by_the_bus(bus: &KafkaBus, messages: &[Message]) -> Duration {
    let (first, rest) = messages.split_at(BATCH);
    publish(bus, first).await.expect("published");
    let started = Instant::now();
    publish(bus, rest).await.expect("published");
    started.elapsed()
}
