//! Contracts 1, 3 and 4: messages that the broker will never take.

use super::arrivals::{check, numbers, sorted_numbers};
use super::publisher::Publisher;
use crate::BusHarness;
use crate::clauses::clauses;
use crate::harness::skip;
use idp_application::{Message, PublishError, PublishFailure};
use std::sync::Arc;

clauses! {
    macro event_bus_refusal of event_bus::refusal;
    a_message_that_is_too_large_is_refused_behind_what_stands_before_it,
    nothing_of_its_key_overtakes_a_message_that_is_too_large,
    publishing_goes_on_behind_a_message_that_is_too_large,
    a_message_for_an_unknown_topic_is_refused_behind_what_stands_before_it,
    publishing_goes_on_behind_a_message_for_an_unknown_topic,
    a_refused_message_troubles_no_other_stream,
}

/// How many messages a batch has in which one is refused.
const BATCH: usize = 7;

/// What makes a good message one that the broker refuses.
type Spoil = Box<dyn Fn(&mut Message) + Send + Sync>;

fn too_large<H: BusHarness>(harness: &H) -> Option<Spoil> {
    let Some(bytes) = harness.data_bytes_too_many() else {
        skip("the broker has no bound of size that a test could exceed");
        return None;
    };
    Some(Box::new(move |message| {
        message.event.content_type = "application/octet-stream".into();
        message.event.content_hash = None;
        message.event.data = vec![b'x'; bytes].into();
    }))
}

fn unknown_topic<H: BusHarness>(harness: &H) -> Option<Spoil> {
    let Some(topic) = harness.missing_topic() else {
        skip("the broker knows every topic");
        return None;
    };
    Some(Box::new(move |message| message.topic = Arc::clone(&topic)))
}

#[track_caller]
fn refused(outcome: Result<(), PublishError>, accepted: usize) {
    let Err(error) = outcome else { panic!("a message was taken over that is to be refused") };
    let got = (error.failure, error.accepted);
    assert_eq!(got, (PublishFailure::Refused, accepted), "{error} ({error:?})");
}

/// First, in the middle and last of a batch; every message of an aggregate of its own.
async fn is_refused<H: BusHarness>(harness: &H, spoil: &Spoil) {
    for (lane, refused_at) in (0..).zip([0, 1, BATCH / 2, BATCH - 1]) {
        let topic = harness.topic(&format!("letters-{lane}")).await;
        let mut publisher = Publisher::of_lane(harness.bus().await, &topic, lane);
        let mut messages = publisher.messages(1..=BATCH as i64, 200);
        spoil(&mut messages[refused_at]);
        refused(publisher.publish(&messages).await, refused_at);
        check(harness, &[&publisher]).await;
        let stored = sorted_numbers(harness, &topic).await;
        assert!(!stored.contains(&messages[refused_at].sequence), "stored, though refused");
        // It is refused again, and alone.
        refused(publisher.publish(&messages[refused_at..=refused_at]).await, 0);
    }
}

/// As a relay does: it sets the refused message aside, and goes on with what stands behind it.
async fn goes_on<H: BusHarness>(harness: &H, spoil: &Spoil) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let mut messages = publisher.messages(1..=40, 200);
    let spoilt = [0, 1, 17, 39];
    for at in spoilt {
        spoil(&mut messages[at]);
    }
    let mut next = 0;
    for at in spoilt {
        refused(publisher.publish(&messages[next..]).await, at - next);
        next = at + 1;
    }
    publisher.publish_all(&messages[next..]).await;
    publisher.publish_all(&publisher.messages(41..=50, 200)).await;
    check(harness, &[&publisher]).await;
    let mut stored = sorted_numbers(harness, &topic).await;
    stored.dedup();
    let good = (1..=50).filter(|number| ![1, 2, 18, 40].contains(number));
    assert_eq!(stored, good.collect::<Vec<i64>>());
}

/// And whatever stands behind it, it alone is named.
pub async fn a_message_that_is_too_large_is_refused_behind_what_stands_before_it<H: BusHarness>(
    harness: H,
) {
    let Some(spoil) = too_large(&harness) else { return };
    is_refused(&harness, &spoil).await;
}

/// Its successors wait with it until somebody decides what becomes of it.
pub async fn nothing_of_its_key_overtakes_a_message_that_is_too_large<H: BusHarness>(harness: H) {
    let Some(spoil) = too_large(&harness) else { return };
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let mut messages = publisher.messages(1..=40, 1);
    spoil(&mut messages[20]);
    refused(publisher.publish(&messages).await, 20);
    assert_eq!(numbers(&harness, &topic).await, (1..=20).collect::<Vec<_>>());
    // Nor later: they come when they are sent.
    publisher.publish_all(&messages[30..]).await;
    check(&harness, &[&publisher]).await;
    let expected: Vec<_> = (1..=20).chain(31..=40).collect();
    assert_eq!(numbers(&harness, &topic).await, expected);
}

/// With the same bus, under the same epoch.
pub async fn publishing_goes_on_behind_a_message_that_is_too_large<H: BusHarness>(harness: H) {
    let Some(spoil) = too_large(&harness) else { return };
    goes_on(&harness, &spoil).await;
}

/// And whatever stands behind it, it alone is named.
pub async fn a_message_for_an_unknown_topic_is_refused_behind_what_stands_before_it<
    H: BusHarness,
>(
    harness: H,
) {
    let Some(spoil) = unknown_topic(&harness) else { return };
    is_refused(&harness, &spoil).await;
}

/// With the same bus, under the same epoch.
pub async fn publishing_goes_on_behind_a_message_for_an_unknown_topic<H: BusHarness>(harness: H) {
    let Some(spoil) = unknown_topic(&harness) else { return };
    goes_on(&harness, &spoil).await;
}

/// A broker may close the connection over it: others that use it are sent again, not refused.
pub async fn a_refused_message_troubles_no_other_stream<H: BusHarness>(harness: H) {
    let spoils = [too_large(&harness), unknown_topic(&harness)];
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let others = (1..=8).map(|lane| Publisher::of_lane(Arc::clone(&bus), &topic, lane));
    let delivering: Vec<_> = others
        .map(|mut other| {
            tokio::spawn(async move {
                for first in (1..=100).step_by(5) {
                    other.deliver(&other.messages(first..=first + 4, 2)).await;
                }
                other
            })
        })
        .collect();
    let mut publisher = Publisher::of_lane(bus, &topic, 0);
    for (number, spoil) in (1..).zip(spoils.iter().flatten().cycle().take(20)) {
        let mut message = publisher.message(0, number);
        spoil(&mut message);
        refused(publisher.publish(&[message]).await, 0);
        // The others have their turn.
        tokio::task::yield_now().await;
    }
    let mut all = vec![publisher];
    for other in delivering {
        all.push(other.await.expect("the messages of the other streams are good"));
    }
    check(&harness, &all.iter().collect::<Vec<_>>()).await;
}
