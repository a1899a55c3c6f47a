//! What the broker refuses is named, and nothing behind it is stored.

mod harness;

use harness::{KafkaHarness, Letters, numbers, within};
use idp_application::{Duplicates, EventBus, Message, PublishError, PublishFailure};
use idp_conformance::BusHarness;
use idp_kafka::{Compression, KafkaBus, KafkaConfig};
use std::collections::BTreeSet;

/// How often a send is made again for which the broker had not the time.
const ATTEMPTS_MAX: usize = 10;

/// Publishes as a relay does, which makes a send again that was not answered in time. Gives how many
/// messages were accepted before the one that is refused.
async fn accepted_before_refusal(bus: &KafkaBus, messages: &[Message]) -> usize {
    let mut accepted = 0;
    for _ in 0..ATTEMPTS_MAX {
        let error = bus.publish(&messages[accepted..]).await.expect_err("a message is refused");
        accepted += error.accepted;
        match error.failure {
            PublishFailure::Unavailable => {}
            failure => {
                assert_eq!(failure, PublishFailure::Refused, "{error:?}");
                return accepted;
            }
        }
    }
    panic!("the broker has not answered {ATTEMPTS_MAX} times");
}

#[track_caller]
fn refused(outcome: Result<(), PublishError>, accepted: usize) {
    let error = outcome.expect_err("a message is refused");
    assert_eq!((error.failure, error.accepted), (PublishFailure::Refused, accepted), "{error:?}");
}

fn with_bytes(mut message: Message, bytes: usize) -> Message {
    message.event.content_hash = None;
    message.event.data = vec![b'x'; bytes].into();
    message
}

/// Brokers bound what is left after compression.
async fn uncompressed(harness: &KafkaHarness) -> KafkaBus {
    let compression = Compression::None;
    harness.connect_as(KafkaConfig { compression, ..harness.config.clone() }).await
}

/// The topic takes less than what the bus lets through, so that the broker refuses the record batch.
async fn one_of_a_batch_is_too_large_for_its_topic(harness: KafkaHarness) {
    let topic = harness.topic_with("small", 1, &[("max.message.bytes", "20000")]).await;
    let letters = Letters::of_lane(&topic, 0);
    let bus = uncompressed(&harness).await;
    let mut messages = letters.messages(1..=60);
    messages[40] = with_bytes(letters.message(41), 30_000);
    refused(bus.publish(&messages).await, 40);
    let stored = numbers(&harness.broker.records(&topic).await);
    assert_eq!(stored, (1..=40).collect::<Vec<_>>());
    refused(bus.publish(&messages[40..]).await, 0);
    bus.publish(&messages[41..]).await.expect("published");
    let stored = numbers(&harness.broker.records(&topic).await);
    assert_eq!(stored, (1..=40).chain(42..=60).collect::<Vec<_>>());
}

/// Each is small enough, but not the record batch that they are in.
async fn a_batch_that_is_too_large_together_is_stored(harness: KafkaHarness) {
    let topic = harness.topic_with("small", 1, &[("max.message.bytes", "5000")]).await;
    let letters = Letters::of_lane(&topic, 0);
    let bus = uncompressed(&harness).await;
    for first in [1, 121] {
        let messages: Vec<_> =
            letters.messages(first..=first + 119).into_iter().map(|m| with_bytes(m, 900)).collect();
        bus.publish(&messages).await.expect("published");
    }
    let mut stored = numbers(&harness.broker.records(&topic).await);
    stored.dedup();
    assert_eq!(stored, (1..=240).collect::<Vec<_>>());
}

/// The producer has seen the topic, and still knows it.
async fn a_topic_that_was_deleted_is_refused(harness: KafkaHarness) {
    let bus = harness.connect().await;
    let kept = harness.topic_with("kept", 1, &[]).await;
    let deleted = harness.topic_with("deleted", 1, &[]).await;
    let letters = Letters::of_lane(&kept, 0);
    let mut messages = letters.messages(1..=9);
    messages[4].topic = deleted.clone();
    bus.publish(&messages).await.expect("published");
    harness.broker.delete_topic(&deleted).await;
    let mut messages = letters.messages(10..=18);
    messages[4].topic = deleted;
    assert_eq!(accepted_before_refusal(&bus, &messages).await, 4);
    bus.publish(&messages[5..]).await.expect("published");
    let mut stored = numbers(&harness.broker.records(&kept).await);
    if bus.guarantees().duplicates == Duplicates::Possible {
        // What stands behind it went to another topic, and was there before it was refused.
        let mut seen = BTreeSet::new();
        stored.retain(|number| seen.insert(*number));
    }
    assert_eq!(stored, (1..=4).chain(6..=13).chain(15..=18).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_large_for_its_topic_is_named_and_nothing_behind_it_stored() {
    one_of_a_batch_is_too_large_for_its_topic(KafkaHarness::transactional().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_large_for_its_topic_is_named_without_transactions() {
    one_of_a_batch_is_too_large_for_its_topic(KafkaHarness::idempotent().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_only_together_are_too_large_are_stored() {
    a_batch_that_is_too_large_together_is_stored(KafkaHarness::transactional().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_only_together_are_too_large_are_stored_without_transactions() {
    a_batch_that_is_too_large_together_is_stored(KafkaHarness::idempotent().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_topic_that_was_deleted_meanwhile_is_refused() {
    a_topic_that_was_deleted_is_refused(KafkaHarness::transactional().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_topic_that_was_deleted_meanwhile_is_refused_without_transactions() {
    a_topic_that_was_deleted_is_refused(KafkaHarness::idempotent().await).await;
}

/// The broker stores what came, and then does not read from the connection for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_over_its_quota_is_unavailable_and_refuses_nothing() {
    let harness = KafkaHarness::transactional().await;
    let topic = harness.topic("letters").await;
    let (letters, bus) = (Letters::of_lane(&topic, 0), harness.connect().await);
    harness.fill(&topic).await.expect("the broker takes a quota");
    let mut next = 1;
    let error = loop {
        match within(bus.publish(&letters.messages(next..=next + 9))).await {
            Ok(()) => next += 10,
            Err(error) => break error,
        }
    };
    assert_eq!((error.failure, error.accepted), (PublishFailure::Unavailable, 0), "{error:?}");
    harness.drain(&topic).await;
    within(async { while bus.publish(&letters.messages(next..=next + 9)).await.is_err() {} }).await;
    let stored = numbers(&harness.broker.records(&topic).await);
    assert_eq!(stored, (1..=next + 9).collect::<Vec<_>>());
}
