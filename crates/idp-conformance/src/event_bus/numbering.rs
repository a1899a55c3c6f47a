//! Contract 5: what is published again under its number. Nothing is lost over it, and it is stored
//! once where the bus says so.
//!
//! A broker that drops numbers it has seen drops everything, silently, that comes under numbers of
//! the adapter's own that start anew with each process.

use super::arrivals::{check, sorted_numbers};
use super::publisher::Publisher;
use crate::BusHarness;
use crate::clauses::clauses;
use crate::fixture::tenant;
use idp_application::{Message, Track};
use std::sync::Arc;

clauses! {
    macro event_bus_numbering of event_bus::numbering;
    what_the_next_worker_publishes_again_is_stored_once,
    a_batch_that_begins_with_old_numbers_is_stored_to_its_end,
    what_comes_again_from_the_same_worker_is_stored_once,
    numbers_may_be_left_out,
    numbers_may_be_large,
    one_handle_serves_rising_epochs,
    tracks_and_lanes_number_on_their_own,
    numbers_run_over_the_topics_of_a_stream,
}

/// The next worker, with a handle of its own, that found so much not recorded as done.
async fn restart<H: BusHarness>(harness: &H, before: &Publisher) -> Publisher {
    before.successor(harness.bus().await)
}

/// The numbers that are stored, each once, whoever sent them and how often.
async fn distinct<H: BusHarness>(harness: &H, topic: &str) -> Vec<i64> {
    let mut numbers = sorted_numbers(harness, topic).await;
    numbers.dedup();
    numbers
}

/// And what it publishes after that is stored too.
pub async fn what_the_next_worker_publishes_again_is_stored_once<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut first = Publisher::of_lane(harness.bus().await, &topic, 0);
    first.publish_all(&first.messages(1..=10, 3)).await;
    let mut second = restart(&harness, &first).await;
    second.publish_all(&second.messages(1..=10, 3)).await;
    check(&harness, &[&first, &second]).await;
    second.publish_all(&second.messages(11..=20, 3)).await;
    let mut third = restart(&harness, &second).await;
    third.publish_all(&third.messages(20..=20, 3)).await;
    third.publish_all(&third.messages(21..=21, 3)).await;
    check(&harness, &[&first, &second, &third]).await;
    assert_eq!(distinct(&harness, &topic).await, (1..=21).collect::<Vec<_>>());
}

/// Brokers that judge a batch by its first number would drop the new ones with the old.
pub async fn a_batch_that_begins_with_old_numbers_is_stored_to_its_end<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut first = Publisher::of_lane(harness.bus().await, &topic, 0);
    first.publish_all(&first.messages(1..=10, 1)).await;
    let mut second = restart(&harness, &first).await;
    second.publish_all(&second.messages(6..=15, 1)).await;
    let mut third = restart(&harness, &second).await;
    third.publish_all(&third.messages(1..=100, 1)).await;
    check(&harness, &[&first, &second, &third]).await;
    assert_eq!(distinct(&harness, &topic).await, (1..=100).collect::<Vec<_>>());
}

/// As when its record of progress failed, or the answer was lost.
pub async fn what_comes_again_from_the_same_worker_is_stored_once<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    for sequences in [1..=10, 1..=10, 10..=10, 5..=15, 16..=20, 1..=25] {
        publisher.publish_all(&publisher.messages(sequences, 3)).await;
    }
    check(&harness, &[&publisher]).await;
    assert_eq!(distinct(&harness, &topic).await, (1..=25).collect::<Vec<_>>());
}

/// Those of events that are not for this target, or were set aside.
pub async fn numbers_may_be_left_out<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let of = |publisher: &Publisher, numbers: &[i64]| -> Vec<Message> {
        numbers.iter().map(|number| publisher.message(0, *number)).collect()
    };
    let mut first = Publisher::of_lane(harness.bus().await, &topic, 0);
    first.publish_all(&of(&first, &[3, 4, 9])).await;
    first.publish_all(&of(&first, &[70])).await;
    let mut second = restart(&harness, &first).await;
    second.publish_all(&of(&second, &[9, 70, 71, 90])).await;
    second.publish_all(&of(&second, &[1_000])).await;
    let mut third = restart(&harness, &second).await;
    third.publish_all(&of(&third, &[1_001, 2_000])).await;
    check(&harness, &[&first, &second, &third]).await;
    let all = [3, 4, 9, 70, 71, 90, 1_000, 1_001, 2_000];
    assert_eq!(distinct(&harness, &topic).await, all);
}

/// Larger than 32 bits can hold, and than a double can tell apart.
pub async fn numbers_may_be_large<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let ranges = [(1_i64 << 31) - 2, (1 << 32) - 2, (1 << 53) - 2, 1 << 62].map(|at| at..=at + 4);
    let mut first = Publisher::of_lane(harness.bus().await, &topic, 0);
    for range in ranges.clone() {
        first.publish_all(&first.messages(range, 1)).await;
    }
    let mut second = restart(&harness, &first).await;
    let last = ranges[3].end() - 1;
    second.publish_all(&second.messages(last..=last + 5, 1)).await;
    check(&harness, &[&first, &second]).await;
    let all = ranges[..3].iter().cloned().chain([*ranges[3].start()..=last + 5]).flatten();
    assert_eq!(distinct(&harness, &topic).await, all.collect::<Vec<_>>());
}

/// A worker that loses a lane and gets it back is the same process with another epoch.
pub async fn one_handle_serves_rising_epochs<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let mut workers = vec![Publisher::of_lane(Arc::clone(&bus), &topic, 0)];
    for round in 0..5 {
        let first = 1 + 7 * round;
        let mut worker = workers[workers.len() - 1].successor(Arc::clone(&bus));
        worker.publish_all(&worker.messages(first..=first + 4, 2)).await;
        worker.publish_all(&worker.messages(first + 5..=first + 9, 2)).await;
        workers.push(worker);
    }
    check(&harness, &workers.iter().collect::<Vec<_>>()).await;
    assert_eq!(distinct(&harness, &topic).await, (1..=38).collect::<Vec<_>>());
}

/// The same number of each is another event.
pub async fn tracks_and_lanes_number_on_their_own<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let apart = |generation| Track::Tenant { tenant: tenant("acme"), generation };
    let tracks = [
        (0, Track::Main),
        (1, Track::Main),
        (11, Track::Main),
        (0, Track::Side),
        (1, Track::Side),
        (0, apart(1)),
        (0, apart(2)),
        (0, Track::Tenant { tenant: tenant("umbrella-2"), generation: 1 }),
    ];
    let of_track = |(lane, track)| Publisher::of_track(Arc::clone(&bus), &topic, lane, track);
    let mut publishers: Vec<_> = tracks.into_iter().map(of_track).collect();
    for sequences in [5..=8, 9..=12] {
        for publisher in &mut publishers {
            publisher.publish_all(&publisher.messages(sequences.clone(), 2)).await;
        }
    }
    let first = publishers.len();
    for at in 0..first {
        let mut next = restart(&harness, &publishers[at]).await;
        next.publish_all(&next.messages(11..=14, 2)).await;
        publishers.push(next);
    }
    check(&harness, &publishers.iter().collect::<Vec<_>>()).await;
    assert_eq!(distinct(&harness, &topic).await, (5..=14).collect::<Vec<_>>());
    let stored = harness.stored(&topic).await;
    assert!(stored.len() >= 10 * first, "{} of {}", stored.len(), 10 * first);
}

/// Each topic gets some of them.
pub async fn numbers_run_over_the_topics_of_a_stream<H: BusHarness>(harness: H) {
    let topics = [harness.topic("letters").await, harness.topic("parcels").await];
    let spread = |mut messages: Vec<Message>| {
        for message in &mut messages {
            let at = usize::from(message.sequence % 3 == 0);
            message.topic = Arc::clone(&topics[at]);
        }
        messages
    };
    let mut first = Publisher::of_lane(harness.bus().await, &topics[0], 0);
    first.publish_all(&spread(first.messages(1..=10, 2))).await;
    let mut second = restart(&harness, &first).await;
    second.publish_all(&spread(second.messages(5..=20, 2))).await;
    second.publish_all(&spread(second.messages(21..=24, 2))).await;
    check(&harness, &[&first, &second]).await;
    let third: Vec<i64> = (1..=8).map(|number| 3 * number).collect();
    assert_eq!(distinct(&harness, &topics[1]).await, third);
    let others = (1..=24).filter(|number| number % 3 != 0).collect::<Vec<i64>>();
    assert_eq!(distinct(&harness, &topics[0]).await, others);
}
