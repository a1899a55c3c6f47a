//! Producers cost threads: those that are idle are closed, and there are never too many.
#![cfg(target_os = "linux")]

mod harness;

use harness::{Broker, KafkaHarness, Letters, numbers, until, within};
use idp_application::EventBus;
use idp_kafka::KafkaConfig;
use std::sync::Arc;
use std::time::Duration;

/// Threads of librdkafka in this process. They are named by it.
fn kafka_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("comm")));
    names.flatten().filter(|name| name.starts_with("rdk:")).count()
}

async fn publish_in_lanes(harness: &KafkaHarness, config: KafkaConfig, lanes: i16) -> usize {
    let topic = harness.topic_with("letters", 3, &[]).await;
    let bus = Arc::new(harness.connect_as(config).await);
    let sending: Vec<_> = (0..lanes)
        .map(|lane| {
            let (bus, letters) = (Arc::clone(&bus), Letters::of_lane(&topic, lane));
            tokio::spawn(async move {
                for first in [1, 11, 21] {
                    let messages = letters.messages(first..=first + 9);
                    bus.publish(&messages).await.expect("published");
                }
            })
        })
        .collect();
    let mut threads_max = 0;
    until("all lanes are published", || {
        threads_max = threads_max.max(kafka_threads());
        sending.iter().all(tokio::task::JoinHandle::is_finished)
    })
    .await;
    for sent in sending {
        sent.await.expect("no panic");
    }
    let stored = numbers(&harness.broker.records(&topic).await);
    assert_eq!(stored.len(), 30 * usize::try_from(lanes).expect("a few"));
    Broker::close_readers();
    until("idle producers are closed", || kafka_threads() == 0).await;
    // And they come back, with the position that they left.
    let again = Letters::of_lane(&topic, 0);
    within(bus.publish(&again.messages(21..=31))).await.expect("published");
    let stored = numbers(&harness.broker.records(&topic).await);
    assert_eq!(stored.iter().filter(|number| **number == 31).count(), 1);
    assert_eq!(stored.len(), 30 * usize::try_from(lanes).expect("a few") + 1);
    drop(bus);
    Broker::close_readers();
    until("a bus that is dropped closes them", || kafka_threads() == 0).await;
    threads_max
}

/// One test, since it counts the threads of the process.
#[tokio::test(flavor = "multi_thread")]
async fn idle_producers_are_closed_and_there_are_never_more_than_allowed() {
    let harness = KafkaHarness::transactional().await;
    let brief = KafkaConfig {
        producer_idle_max: Duration::from_millis(500),
        step_timeout: Duration::from_secs(10),
        ..harness.config.clone()
    };
    let few = KafkaConfig { producers_max: 2, ..brief.clone() };
    let threads_of_few = publish_in_lanes(&harness, few, 8).await;
    drop(harness);
    let harness = KafkaHarness::transactional().await;
    let many = KafkaConfig { positions_topic: harness.config.positions_topic.clone(), ..brief };
    let many = KafkaConfig { prefix: harness.config.prefix.clone(), ..many };
    let threads_of_many = publish_in_lanes(&harness, many, 8).await;
    assert!(threads_of_few < threads_of_many, "{threads_of_few} and {threads_of_many} threads");
}
