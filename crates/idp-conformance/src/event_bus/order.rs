//! Contracts 1 and 2: what was acknowledged is stored, in order, where it belongs.

use super::arrivals::{check, numbers, sorted_numbers};
use super::publisher::Publisher;
use crate::BusHarness;
use crate::clauses::clauses;
use std::sync::Arc;

clauses! {
    macro event_bus_order of event_bus::order;
    messages_of_one_key_are_stored_in_the_order_given,
    what_was_acknowledged_is_stored,
    the_messages_of_one_call_go_to_their_topics,
    an_empty_call_is_accepted,
}

/// Over calls of one message and of many, of few keys and of more.
pub async fn messages_of_one_key_are_stored_in_the_order_given<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    for (sequences, keys) in [(1..=1, 1), (2..=2, 1), (3..=60, 3), (61..=300, 7), (301..=320, 1)] {
        publisher.publish_all(&publisher.messages(sequences, keys)).await;
    }
    check(&harness, &[&publisher]).await;
    assert_eq!(sorted_numbers(&harness, &topic).await, (1..=320).collect::<Vec<_>>());
}

/// As soon as it was acknowledged.
pub async fn what_was_acknowledged_is_stored<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    for last in 1..=5 {
        publisher.publish_all(&publisher.messages(last..=last, 1)).await;
        assert_eq!(numbers(&harness, &topic).await, (1..=last).collect::<Vec<_>>());
    }
    publisher.publish_all(&publisher.messages(6..=105, 1)).await;
    assert_eq!(numbers(&harness, &topic).await, (1..=105).collect::<Vec<_>>());
}

/// Also those of one key.
pub async fn the_messages_of_one_call_go_to_their_topics<H: BusHarness>(harness: H) {
    let topics = [harness.topic("letters").await, harness.topic("parcels").await];
    let last = harness.topic("postcards").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topics[0], 0);
    let mut messages = publisher.messages(1..=30, 2);
    for (at, message) in messages.iter_mut().enumerate() {
        message.topic = Arc::clone(if at % 3 == 2 { &last } else { &topics[at % 3] });
    }
    publisher.publish_all(&messages).await;
    check(&harness, &[&publisher]).await;
    let every_third = |first: i64| (first..=30).step_by(3).collect::<Vec<_>>();
    assert_eq!(sorted_numbers(&harness, &topics[0]).await, every_third(1));
    assert_eq!(sorted_numbers(&harness, &topics[1]).await, every_third(2));
    assert_eq!(sorted_numbers(&harness, &last).await, every_third(3));
}

/// And stores nothing.
pub async fn an_empty_call_is_accepted<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    publisher.publish_all(&[]).await;
    assert!(harness.stored(&topic).await.is_empty());
    publisher.publish_all(&publisher.messages(1..=2, 1)).await;
    publisher.publish_all(&[]).await;
    assert_eq!(numbers(&harness, &topic).await, [1, 2]);
}
