//! Messages of one aggregate that are under way together.

mod support;

use idp_application::{EventBus, PublishFailure};
use idp_conformance::BusHarness;
use idp_testkit::Direction;
use std::collections::HashSet;
use support::letters::Writer;
use support::queues::Queues;
use support::{deliver, soon};

/// Each where it stands first.
fn first_deliveries(mut numbers: Vec<i64>) -> Vec<i64> {
    let mut seen = HashSet::new();
    numbers.retain(|number| seen.insert(*number));
    numbers
}

#[tokio::test]
async fn an_aggregate_takes_few_round_trips_and_is_stored_in_order() {
    let mut trips = Vec::new();
    for queues in [Queues::start().await, Queues::start_with_window().await] {
        let topic = queues.topic("series").await;
        let (writer, bus) = (Writer::to(&topic, "series"), queues.connect().await);
        bus.publish(&writer.series([1])).await.expect("taken over");
        let before = queues.proxy.round_trips();
        soon("the answer", bus.publish(&writer.series(2..=200))).await.expect("taken over");
        trips.push(queues.proxy.round_trips() - before);
        assert_eq!(queues.numbers(&topic).await, (1..=200).collect::<Vec<_>>());
    }
    assert!(trips[0] >= 199, "each waits for the one before it: {trips:?}");
    assert!(trips[1] < 100, "they are under way together: {trips:?}");
}

#[tokio::test]
async fn an_aggregate_that_changes_its_address_waits_for_what_is_under_way_to_the_first() {
    let queues = Queues::start_with_window().await;
    let topics = [queues.topic("a").await, queues.topic("b").await];
    let writers = topics.each_ref().map(|topic| Writer::to(topic, "changes"));
    let bus = queues.connect().await;
    for writer in &writers {
        bus.publish(&writer.series([1])).await.expect("taken over");
    }
    let letters: Vec<_> = (2..=21).flat_map(|n| writers[n as usize % 2].series([n])).collect();
    let before = queues.proxy.round_trips();
    soon("the answer", bus.publish(&letters)).await.expect("taken over");
    assert!(queues.proxy.round_trips() - before >= 20, "each waits for the one before it");
    for (topic, first) in topics.iter().zip([2, 3]) {
        let expected: Vec<_> = [1].into_iter().chain((first..=21).step_by(2)).collect();
        assert_eq!(queues.numbers(topic).await, expected);
    }
}

/// The broker has the front of what was sent, and gets all that it did not confirm once more.
#[tokio::test]
async fn a_connection_that_is_lost_leaves_no_gap_behind_it() {
    let queues = Queues::start_with_window().await;
    let topic = queues.topic("lost").await;
    let (writer, bus) = (Writer::to(&topic, "lost"), queues.connect().await);
    bus.publish(&writer.series([1])).await.expect("taken over");
    for (round, way, bytes) in [
        (0, Direction::ToServer, 30_000),
        (1, Direction::ToClient, 40),
        (2, Direction::ToServer, 999),
    ] {
        let (first, last) = (2 + round * 200, 201 + round * 200);
        queues.proxy.cut_after(way, bytes);
        let outcome = soon("the answer", bus.publish(&writer.series(first..=last))).await;
        let error = outcome.expect_err("the connection is gone");
        assert_eq!(error.failure, PublishFailure::Unavailable);
        queues.proxy.restore();
        deliver(&bus, &writer.series(first + error.accepted as i64..=last)).await;
        let stored = first_deliveries(queues.numbers(&topic).await);
        assert_eq!(stored, (1..=last).collect::<Vec<_>>());
    }
}

/// What was on its way before arrives at the broker in its own time.
#[tokio::test]
async fn a_call_that_is_dropped_and_made_again_keeps_the_order_of_first_deliveries() {
    let queues = Queues::start_with_window().await;
    let topic = queues.topic("dropped").await;
    let (writer, bus) = (Writer::to(&topic, "dropped"), queues.connect().await);
    bus.publish(&writer.series([1])).await.expect("taken over");
    for round in 0..10 {
        let (first, last) = (2 + round * 100, 101 + round * 100);
        let letters = writer.series(first..=last);
        let sent = queues.proxy.bytes(Direction::ToServer) + 500 + 4_000 * round.unsigned_abs();
        tokio::select! {
            biased;
            () = queues.proxy.wait_for_bytes(Direction::ToServer, sent) => {}
            outcome = bus.publish(&letters) => outcome.expect("taken over"),
        }
        deliver(&bus, &letters).await;
    }
    let stored = first_deliveries(queues.numbers(&topic).await);
    assert_eq!(stored, (1..=1_001).collect::<Vec<_>>());
}
