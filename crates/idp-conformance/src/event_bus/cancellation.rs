//! Contract 7: a send that is dropped, as when its time is over, leaves a bus that works.
//!
//! What the dropped send left behind in a buffer may still come, but in order, and never between
//! what is sent next so that something stands before what it follows.

use super::arrivals::{check, sorted_numbers};
use super::publisher::{Publisher, SEND_TIME_MAX};
use crate::abandon::abandon_after;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::harness::skip;
use crate::run::WAIT_MAX;
use crate::{BusHarness, Way};
use idp_application::{EventBus, Message};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

clauses! {
    macro event_bus_cancellation of event_bus::cancellation;
    a_send_dropped_at_any_await_point_loses_nothing,
    a_send_dropped_after_some_time_loses_nothing,
    a_send_dropped_without_a_network_loses_nothing,
    a_send_dropped_in_the_middle_of_a_cut_loses_nothing,
    a_dropped_send_holds_up_no_other_stream,
    sends_dropped_again_and_again_get_there_in_the_end,
}

/// A send of these messages that nobody waits for until its end.
async fn dropped(
    publisher: &mut Publisher,
    messages: &[Message],
    bounded: impl AsyncFnOnce(&dyn EventBus, &[Message]) -> bool,
) -> bool {
    publisher.sends(messages);
    let bus = Arc::clone(publisher.bus());
    bounded(&*bus, messages).await
}

async fn all_stored<H: BusHarness>(harness: &H, topic: &str, last: i64) {
    let mut stored = sorted_numbers(harness, topic).await;
    stored.dedup();
    assert_eq!(stored, (1..=last).collect::<Vec<_>>());
}

/// At the first, at the second, and so on until it ends by itself.
pub async fn a_send_dropped_at_any_await_point_loses_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    publisher.publish_all(&publisher.messages(1..=1, 1)).await;
    let mut last = 1;
    for polls in (0..12).chain([16, 24, 40]) {
        let messages = publisher.messages(last + 1..=last + 30, 3);
        let ended = dropped(&mut publisher, &messages, async |bus, messages| {
            abandon_after(bus.publish(messages), polls).await.is_some()
        });
        let ended = ended.await;
        // It is sent again from the first, with more behind it.
        publisher.deliver(&publisher.messages(last + 1..=last + 35, 3)).await;
        last += 35;
        check(&harness, &[&publisher]).await;
        if ended {
            break;
        }
    }
    publisher.publish_all(&publisher.messages(last + 1..=last + 1, 3)).await;
    check(&harness, &[&publisher]).await;
    all_stored(&harness, &topic, last + 1).await;
}

/// As a relay does it.
pub async fn a_send_dropped_after_some_time_loses_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let mut last = 0;
    for micros in [0, 200, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 13_000] {
        let messages = publisher.messages(last + 1..=last + 300, 3);
        dropped(&mut publisher, &messages, async |bus, messages| {
            timeout(Duration::from_micros(micros), bus.publish(messages)).await.is_ok()
        })
        .await;
        publisher.deliver(&publisher.messages(last + 1..=last + 310, 3)).await;
        last += 310;
    }
    check(&harness, &[&publisher]).await;
    all_stored(&harness, &topic, last).await;
}

const NO_CUT: &str = "the network cannot be cut";

/// The time of a send that does not come to its end.
const SEND_TIME: Duration = Duration::from_millis(50);

/// A client that keeps what it cannot send, and sends it when the broker is back.
pub async fn a_send_dropped_without_a_network_loses_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    publisher.publish_all(&publisher.messages(1..=1, 1)).await;
    let mut last = 1;
    for sends in 1..=3 {
        if !harness.cut().await {
            return skip(NO_CUT);
        }
        for _ in 0..sends {
            let messages = publisher.messages(last + 1..=last + 20, 2);
            let is_sent = dropped(&mut publisher, &messages, async |bus, messages| {
                let outcome = timeout(SEND_TIME, bus.publish(messages)).await;
                outcome.is_ok_and(|outcome| outcome.is_ok())
            });
            assert!(!is_sent.await, "taken over without a network");
        }
        harness.restore().await;
        publisher.deliver(&publisher.messages(last + 1..=last + 25, 2)).await;
        last += 25;
    }
    check(&harness, &[&publisher]).await;
    all_stored(&harness, &topic, last).await;
}

/// The broker got a part of it; the client has the rest.
pub async fn a_send_dropped_in_the_middle_of_a_cut_loses_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    publisher.publish_all(&publisher.messages(1..=1, 1)).await;
    let (mut last, mut cuts) = (1, 0);
    for (way, bytes) in
        [(Way::ToBroker, 2_000), (Way::ToBroker, 20_000), (Way::ToBus, 1), (Way::ToBus, 500)]
    {
        if !harness.cut_after(way, bytes).await {
            return skip("the network cannot be cut at a certain byte");
        }
        let messages = publisher.messages(last + 1..=last + 100, 2);
        dropped(&mut publisher, &messages, async |bus, messages| {
            tokio::select! {
                _ = bus.publish(messages) => true,
                () = some_time_after_the_cut(&harness) => false,
            }
        })
        .await;
        cuts += usize::from(harness.is_cut().await);
        harness.restore().await;
        publisher.deliver(&publisher.messages(last + 1..=last + 110, 2)).await;
        last += 110;
    }
    assert!(cuts > 0, "no send was cut");
    check(&harness, &[&publisher]).await;
    all_stored(&harness, &topic, last).await;
}

async fn some_time_after_the_cut<H: BusHarness>(harness: &H) {
    eventually("the cut", async || harness.is_cut().await.then_some(())).await;
    tokio::time::sleep(SEND_TIME).await;
}

/// How many sends are dropped. If each kept the other stream waiting for as long as buses wait for
/// brokers, a few seconds, it would come to more than one send may take.
const DROPS: u32 = 20;

/// Which may use the same connection. What waits until a dropped send is over is held up by it.
pub async fn a_dropped_send_holds_up_no_other_stream<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let mut hasty = Publisher::of_lane(Arc::clone(&bus), &topic, 0);
    let mut steady = Publisher::of_lane(bus, &topic, 1);
    let mut steady_time = Duration::ZERO;
    for round in 0..DROPS {
        let first = 1 + 50 * i64::from(round);
        let messages = hasty.messages(first..=first + 49, 2);
        let dropping = dropped(&mut hasty, &messages, async |bus, messages| {
            abandon_after(bus.publish(messages), round % 10).await.is_some()
        });
        // Beside the send that is dropped, and behind it.
        let sent = steady.messages(first..=first + 49, 2);
        let (beside, behind) = sent.split_at(25);
        let (_, time) = tokio::join!(dropping, time_of(steady.deliver(beside)));
        steady_time += time + time_of(steady.deliver(behind)).await;
        hasty.deliver(&messages).await;
    }
    let are_held_up = steady_time > SEND_TIME_MAX;
    assert!(!are_held_up, "beside {DROPS} dropped sends the others took {steady_time:?}");
    check(&harness, &[&hasty, &steady]).await;
}

async fn time_of(future: impl Future<Output = ()>) -> Duration {
    let started = Instant::now();
    future.await;
    started.elapsed()
}

/// How long an answer of the broker takes, and how long a send may take: for one, not for two.
const ANSWER_TIME: Duration = Duration::from_millis(200);
const HASTE: Duration = Duration::from_millis(380);
const HASTY_SENDS_MAX: u128 = WAIT_MAX.as_millis() / HASTE.as_millis();

/// What it takes to send at all (to connect, to log in, to look up) may last longer than a send may: it
/// is not begun anew by each.
pub async fn sends_dropped_again_and_again_get_there_in_the_end<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    if !harness.slow_down(ANSWER_TIME).await {
        return skip("the network cannot be slowed down, or hasty sends may get nowhere then");
    }
    // What is connected already, where it can be cut, is to be connected anew.
    harness.cut().await;
    harness.restore().await;
    // One alone: not every bus has several under way at a time.
    let message = publisher.messages(1..=1, 2);
    let mut sends = 0;
    let send = async |bus: &dyn EventBus, message: &[Message]| {
        let outcome = timeout(HASTE, bus.publish(message)).await;
        outcome.is_ok_and(|outcome| outcome.is_ok())
    };
    while !dropped(&mut publisher, &message, send).await {
        sends += 1;
        assert!(sends < HASTY_SENDS_MAX, "{sends} sends were dropped, and none got further");
    }
    harness.slow_down(Duration::ZERO).await;
    publisher.deliver(&publisher.messages(1..=15, 2)).await;
    check(&harness, &[&publisher]).await;
    all_stored(&harness, &topic, 15).await;
}
