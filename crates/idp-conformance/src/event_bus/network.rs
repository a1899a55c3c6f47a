//! Contracts 3, 4 and 6: the network between bus and broker is cut, and whole again.

use super::arrivals::{check, sorted_numbers};
use super::publisher::Publisher;
use super::running::Running;
use crate::abandon::meanwhile;
use crate::clauses::clauses;
use crate::harness::skip;
use crate::{BusHarness, Way};
use idp_application::{PublishError, PublishFailure};
use std::sync::Arc;

clauses! {
    macro event_bus_network of event_bus::network;
    a_bus_that_is_cut_off_is_unavailable_and_recovers_by_itself,
    a_cut_in_the_middle_of_a_send_loses_nothing,
    a_cut_in_the_middle_of_what_is_sent_loses_nothing,
    a_cut_in_the_middle_of_the_answers_loses_nothing,
    many_streams_recover_from_a_cut_each_in_its_order,
}

const NO_CUT: &str = "the network cannot be cut";
const NO_CUT_AFTER: &str = "the network cannot be cut at a certain byte";

/// How many messages one send has that is cut in the middle.
const BATCH: i64 = 200;

#[track_caller]
fn unavailable(outcome: &Result<(), PublishError>) {
    if let Err(error) = outcome {
        let is_away = matches!(
            error.failure,
            PublishFailure::Unavailable | PublishFailure::TopicUnavailable(_)
        );
        assert!(is_away, "{:?}: {error} ({error:?})", error.failure);
    }
}

/// More than once, with the same handle, and with what was under way.
pub async fn a_bus_that_is_cut_off_is_unavailable_and_recovers_by_itself<H: BusHarness>(
    harness: H,
) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    publisher.publish_all(&publisher.messages(1..=10, 3)).await;
    for first in [11, 31] {
        if !harness.cut().await {
            return skip(NO_CUT);
        }
        for sequences in [first..=first + 9, first..=first + 9] {
            let outcome = publisher.publish(&publisher.messages(sequences, 3)).await;
            unavailable(&outcome);
            let error = outcome.expect_err("nothing can be taken over without a network");
            assert_eq!(error.accepted, 0, "{error:?}");
        }
        harness.restore().await;
        publisher.deliver(&publisher.messages(first..=first + 9, 3)).await;
        publisher.publish_all(&publisher.messages(first + 10..=first + 19, 3)).await;
        check(&harness, &[&publisher]).await;
    }
    let mut stored = sorted_numbers(&harness, &topic).await;
    stored.dedup();
    assert_eq!(stored, (1..=50).collect::<Vec<_>>());
}

/// What follows a send that may have been cut: what it says was taken over is stored, and the rest
/// is delivered when the network is whole.
async fn recover<H: BusHarness>(
    harness: &H,
    publisher: &mut Publisher,
    first: i64,
    outcome: Result<(), PublishError>,
) {
    unavailable(&outcome);
    check(harness, &[publisher]).await;
    harness.restore().await;
    let accepted = outcome.map_or_else(|error| error.accepted, |()| BATCH as usize);
    let messages = publisher.messages(first..=first + BATCH - 1, 5);
    publisher.deliver(&messages[accepted..]).await;
    check(harness, &[publisher]).await;
}

/// After the bus has made its first step, its second, and so on.
pub async fn a_cut_in_the_middle_of_a_send_loses_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let (mut first, mut interrupted) = (1, 0);
    for polls in [1, 2, 3, 4, 6, 10, 30] {
        let messages = publisher.messages(first..=first + BATCH - 1, 5);
        let sending = publisher.publish(&messages);
        let (outcome, could_cut) = meanwhile(sending, polls, harness.cut()).await;
        if !could_cut {
            return skip(NO_CUT);
        }
        interrupted += usize::from(outcome.is_err());
        recover(&harness, &mut publisher, first, outcome).await;
        first += BATCH;
    }
    assert!(interrupted > 0, "no send was interrupted: each was over when the network was cut");
}

async fn cut_after<H: BusHarness>(harness: H, way: Way, bytes: &[u64]) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    publisher.publish_all(&publisher.messages(1..=1, 1)).await;
    let (mut first, mut interrupted) = (2, 0);
    for bytes in bytes {
        if !harness.cut_after(way, *bytes).await {
            return skip(NO_CUT_AFTER);
        }
        let messages = publisher.messages(first..=first + BATCH - 1, 5);
        let outcome = publisher.publish(&messages).await;
        // In the middle: something went through before.
        let is_interrupted = outcome.is_err() && harness.is_cut().await;
        interrupted += usize::from(is_interrupted && *bytes > 0);
        recover(&harness, &mut publisher, first, outcome).await;
        first += BATCH;
    }
    assert!(interrupted > 0, "no send was interrupted after any of {bytes:?} bytes {way:?}");
}

/// The broker gets a part of it, and perhaps a part of a message.
pub async fn a_cut_in_the_middle_of_what_is_sent_loses_nothing<H: BusHarness>(harness: H) {
    cut_after(harness, Way::ToBroker, &[0, 1, 700, 10_000, 40_000, 90_000]).await;
}

/// The broker has what the bus does not know it has.
pub async fn a_cut_in_the_middle_of_the_answers_loses_nothing<H: BusHarness>(harness: H) {
    cut_after(harness, Way::ToBus, &[0, 1, 100, 1_000, 5_000]).await;
}

/// While all of them send.
pub async fn many_streams_recover_from_a_cut_each_in_its_order<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let mut publishers: Vec<_> =
        (0..16).map(|lane| Publisher::of_lane(Arc::clone(&bus), &topic, lane)).collect();
    let mut probe = Publisher::of_lane(bus, &topic, 99);
    for _ in 0..3 {
        let running = Running::start(publishers, None);
        running.until_each("to send", |progress| progress.batches > 0).await;
        if !harness.cut().await {
            return skip(NO_CUT);
        }
        assert_cut_off(&mut probe).await;
        running.until_each("to notice the cut", |progress| progress.put_off > 0).await;
        harness.restore().await;
        publishers = running.stop().await;
    }
    publishers.push(probe);
    check(&harness, &publishers.iter().collect::<Vec<_>>()).await;
}

/// Sends of a stream of its own, each of which has to fail.
async fn assert_cut_off(probe: &mut Publisher) {
    let outcome = probe.publish(&probe.messages(1..=1, 1)).await;
    unavailable(&outcome);
    assert!(outcome.is_err(), "taken over without a network");
}
