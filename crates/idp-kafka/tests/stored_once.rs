//! The position of a stream is stored with its messages: whatever breaks between them and the one
//! who sends them, each is stored once.

mod harness;

use harness::{KafkaHarness, Letters, numbers, within};
use idp_application::{EventBus, Message, PublishFailure};
use idp_kafka::{KafkaBus, KafkaConfig};
use idp_testkit::Direction;
use std::sync::Arc;
use std::time::Duration;

const LANE: i16 = 3;

/// A harness with a topic of one partition.
async fn start() -> (KafkaHarness, Letters) {
    let harness = KafkaHarness::transactional().await;
    let topic = harness.topic_with("letters", 1, &[]).await;
    (harness, Letters::of_lane(&topic, LANE))
}

async fn stored(harness: &KafkaHarness, letters: &Letters) -> Vec<i64> {
    numbers(&harness.broker.records(&letters.topic).await)
}

/// A bus that reaches the broker past the proxy.
async fn direct(harness: &KafkaHarness) -> KafkaBus {
    let brokers = harness.broker.address.clone();
    harness.connect_as(KafkaConfig { brokers, ..harness.config.clone() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_kafka_stands_whatever_the_worker_remembers() {
    let (harness, letters) = start().await;
    let first = harness.connect().await;
    first.publish(&letters.messages(1..=50)).await.expect("published");
    drop(first);
    // It crashed before it could note that anything was published.
    let second = harness.connect().await;
    second.publish(&letters.under(2).messages(1..=80)).await.expect("published");
    second.publish(&letters.under(2).messages(60..=90)).await.expect("published");
    assert_eq!(stored(&harness, &letters).await, (1..=90).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_is_a_record_with_the_name_of_the_stream_as_its_key() {
    let (harness, letters) = start().await;
    let bus = harness.connect().await;
    bus.publish(&letters.messages(1..=5)).await.expect("published");
    bus.publish(&letters.under(4).messages(6..=7)).await.expect("published");
    let positions = harness.broker.records(&harness.config.positions_topic).await;
    let key = format!("{}letters/3", harness.config.prefix);
    assert!(positions.iter().all(|record| record.key == key.as_bytes()), "{positions:?}");
    assert!(positions.iter().all(|record| record.partition == 3), "{positions:?}");
    let texts: Vec<_> =
        positions.iter().map(|record| String::from_utf8_lossy(&record.data)).collect();
    let claimed_and_stored =
        ["sequence=0 epoch=1", "sequence=5 epoch=1", "sequence=5 epoch=4", "sequence=7 epoch=4"];
    assert_eq!(texts, claimed_and_stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_ended_in_the_middle_of_its_transaction_is_fenced() {
    let (harness, letters) = start().await;
    let zombie = Arc::new(harness.connect().await);
    zombie.publish(&letters.messages(1..=5)).await.expect("published");
    let owner = direct(&harness).await;

    // The broker gets a part of the transaction; then the zombie is as good as asleep.
    harness.proxy.stall();
    let late = letters.messages(6..=400);
    let sending = tokio::spawn({
        let zombie = Arc::clone(&zombie);
        async move { zombie.publish(&late).await }
    });
    owner.publish(&letters.under(2).messages(6..=20)).await.expect("the owner is not held up");
    harness.proxy.restore();

    let error = within(sending).await.expect("no panic").expect_err("it is fenced");
    assert_eq!((error.failure, error.accepted), (PublishFailure::Fenced, 0), "{error:?}");
    owner.publish(&letters.under(2).messages(21..=25)).await.expect("it was not disturbed");
    assert_eq!(stored(&harness, &letters).await, (1..=25).collect::<Vec<_>>());
}

/// It never published the stream, so that Kafka takes its word for that of a new owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_late_for_the_first_time_disturbs_nobody() {
    let (harness, letters) = start().await;
    let owner = harness.connect().await;
    owner.publish(&letters.under(7).messages(1..=5)).await.expect("published");
    let late = harness.connect().await;
    for _ in 0..3 {
        let error = late.publish(&letters.under(6).messages(1..=9)).await.expect_err("fenced");
        assert_eq!((error.failure, error.accepted), (PublishFailure::Fenced, 0), "{error:?}");
        owner.publish(&letters.under(7).messages(6..=8)).await.expect("published");
    }
    assert_eq!(stored(&harness, &letters).await, (1..=8).collect::<Vec<_>>());
}

/// The answers of the broker end a few bytes earlier each time, so that in some rounds the transaction is
/// committed and nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_decided_by_the_position() {
    let (harness, letters) = start().await;
    let step_timeout = Duration::from_secs(1);
    let bus = harness.connect_as(KafkaConfig { step_timeout, ..harness.config.clone() }).await;
    let mut last = 0;
    let (mut was_stored, mut was_lost) = (0, 0);
    let mut missing = 0;
    while was_stored == 0 || was_lost == 0 {
        missing += 4;
        assert!(missing < 200, "{was_stored} were stored unknown, {was_lost} were lost");
        let answers = answers_to_one_publish(&harness, &bus, &letters, &mut last).await;
        let next = letters.messages(last + 1..=last + 10);
        harness.proxy.cut_after(Direction::ToClient, answers.saturating_sub(missing));
        let outcome = within(bus.publish(&next)).await;
        let is_stored = stored(&harness, &letters).await.contains(&(last + 1));
        if let Err(error) = outcome {
            assert_eq!((error.failure, error.accepted), (PublishFailure::Unavailable, 0));
            assert!(error.error.is_outcome_unknown() || !is_stored, "{error:?}");
            *(if is_stored { &mut was_stored } else { &mut was_lost }) += 1;
        }
        harness.proxy.restore();
        deliver(&bus, &next).await;
        last += 10;
        assert_eq!(stored(&harness, &letters).await, (1..=last).collect::<Vec<_>>());
    }
}

/// How many bytes the broker answers to ten messages more.
async fn answers_to_one_publish(
    harness: &KafkaHarness,
    bus: &KafkaBus,
    letters: &Letters,
    last: &mut i64,
) -> u64 {
    // One that opens the stream if need be, and one that counts.
    for is_counted in [false, true] {
        let before = harness.proxy.bytes(Direction::ToClient);
        deliver(bus, &letters.messages(*last + 1..=*last + 10)).await;
        *last += 10;
        if is_counted {
            return harness.proxy.bytes(Direction::ToClient) - before;
        }
    }
    unreachable!("the second is counted")
}

/// As a relay does.
async fn deliver(bus: &KafkaBus, messages: &[Message]) {
    within(async {
        while let Err(error) = bus.publish(messages).await {
            assert_eq!(error.failure, PublishFailure::Unavailable, "{error:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_was_dropped_in_its_transaction_is_no_part_of_the_next() {
    let (harness, letters) = start().await;
    let bus = Arc::new(harness.connect().await);
    bus.publish(&letters.messages(1..=5)).await.expect("published");
    let before = harness.proxy.bytes(Direction::ToServer);
    harness.proxy.cut_after(Direction::ToServer, 20_000);
    let dropped = tokio::spawn({
        let (bus, messages) = (Arc::clone(&bus), letters.messages(6..=300));
        async move { bus.publish(&messages).await }
    });
    // Something of the transaction is on the wire.
    within(harness.proxy.wait_for_bytes(Direction::ToServer, before + 200)).await;
    dropped.abort();
    assert!(within(dropped).await.expect_err("aborted").is_cancelled());
    harness.proxy.restore();
    // It may have been given up, or be stored by now; both are as if the others were sent alone.
    within(bus.publish(&letters.messages(6..=8))).await.expect("published");
    let all = stored(&harness, &letters).await;
    assert!(all == (1..=8).collect::<Vec<_>>() || all == (1..=300).collect::<Vec<_>>(), "{all:?}");
    within(bus.publish(&letters.messages(9..=310))).await.expect("published");
    assert_eq!(stored(&harness, &letters).await, (1..=310).collect::<Vec<_>>());
}

/// The positions of lanes 3 and 19 share a partition, which can be read only up to the first transaction
/// that is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_of_two_lanes_ends_what_their_last_owner_left_open() {
    let (harness, letters) = start().await;
    let neighbour = Letters::of_lane(&letters.topic, LANE + 16);
    let last = Arc::new(harness.connect().await);
    for letters in [&letters, &neighbour] {
        last.publish(&letters.messages(1..=5)).await.expect("published");
    }
    // It gets a part of both transactions through, then its process dies.
    harness.proxy.cut_after(Direction::ToServer, 6_000);
    let (a, b) = (letters.messages(6..=200), neighbour.messages(6..=200));
    let dead = within(async { tokio::join!(last.publish(&a), last.publish(&b)) }).await;
    assert!(dead.0.is_err() && dead.1.is_err(), "{dead:?}");

    let owner = direct(&harness).await;
    let (letters, neighbour) = (letters.under(2), neighbour.under(2));
    let (a, b) = (letters.messages(1..=20), neighbour.messages(1..=20));
    let (first, second) =
        within(async { tokio::join!(owner.publish(&a), owner.publish(&b)) }).await;
    first.expect("published");
    second.expect("published");
    let mut all = stored(&harness, &letters).await;
    all.sort_unstable();
    assert_eq!(all, (1..=20).flat_map(|number| [number, number]).collect::<Vec<_>>());
}
