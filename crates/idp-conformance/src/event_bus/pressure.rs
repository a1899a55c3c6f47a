//! Contracts 4 and 6: a topic that takes no more for a while. Nothing is wrong with any message.
//!
//! The bus may say so or be slow about it. It refuses nothing, and loses nothing that it has acknowledged;
//! where one topic of several is full, the others go on.

use super::arrivals::{check, sorted_numbers};
use super::publisher::Publisher;
use crate::clauses::clauses;
use crate::harness::skip;
use crate::{BusHarness, Full};
use idp_application::{Message, PublishError, PublishFailure};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

clauses! {
    macro event_bus_pressure of event_bus::pressure;
    a_full_topic_refuses_nothing_and_loses_nothing,
    a_full_topic_holds_up_no_other,
    what_waits_for_room_arrives_in_its_order_when_there_is_some,
}

const NO_FILL: &str = "no topic can be made to take no more";

/// How many messages a send has, and of how many aggregates.
const BATCH: usize = 10;
const KEYS: u8 = 3;
/// How many sends have to find no room. A full topic may take what it had room for before that.
const HELD_MIN: u32 = 3;
const SENDS_MAX: u32 = 20;
/// After so long a send waits for room; a relay would give it up.
const SEND_TIME: Duration = Duration::from_secs(8);

/// What became of a send to a full topic.
enum Pushed {
    /// All were taken over.
    No,
    /// The bus took so many.
    Back(usize),
}

/// A send to a topic that is full.
async fn push(publisher: &mut Publisher, messages: &[Message], full: &Full) -> Pushed {
    publisher.sends(messages);
    let bus = Arc::clone(publisher.bus());
    // One that waits is dropped, as by a relay.
    let Ok(outcome) = timeout(SEND_TIME, bus.publish(messages)).await else {
        return Pushed::Back(0);
    };
    publisher.took(messages, &outcome);
    match outcome {
        Ok(()) => Pushed::No,
        Err(error) => {
            spares_the_message(&error, full);
            Pushed::Back(error.accepted)
        }
    }
}

/// That a topic is full says nothing about a message, and where others are not, nothing about them.
fn spares_the_message(error: &PublishError, full: &Full) {
    use PublishFailure::{Throttled, TopicUnavailable, Unavailable};
    let is_fitting = match error.failure {
        TopicUnavailable(_) => true,
        Throttled(_) | Unavailable => full.elsewhere.is_none(),
        _ => false,
    };
    assert!(is_fitting, "{:?} for want of room: {error} ({error:?})", error.failure);
}

/// Sends messages from that number on until there was no room several times. Gives the number of the
/// last that was sent.
async fn push_until_held(publisher: &mut Publisher, first: i64, full: &Full) -> i64 {
    let (mut next, mut last, mut held) = (first, first, 0);
    for _ in 0..SENDS_MAX {
        let messages = publisher.messages(next..=next + BATCH as i64 - 1, KEYS);
        last = next + BATCH as i64 - 1;
        match push(publisher, &messages, full).await {
            Pushed::No => next += BATCH as i64,
            Pushed::Back(taken) => {
                next += taken as i64;
                held += 1;
            }
        }
        if held >= HELD_MIN {
            return last;
        }
    }
    panic!("the topic is full, and only {held} of {SENDS_MAX} sends up to {last} found no room");
}

/// And takes everything when it has room, more than once.
pub async fn a_full_topic_refuses_nothing_and_loses_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut publisher = Publisher::of_lane(harness.bus().await, &topic, 0);
    let mut last = 20;
    publisher.publish_all(&publisher.messages(1..=last, KEYS)).await;
    for _ in 0..2 {
        let Some(full) = harness.fill(&topic).await else { return skip(NO_FILL) };
        let first = last + 1;
        last = push_until_held(&mut publisher, first, &full).await;
        check(&harness, &[&publisher]).await;
        harness.drain(&topic).await;
        publisher.deliver(&publisher.messages(first..=last + 5, KEYS)).await;
        last += 5;
        check(&harness, &[&publisher]).await;
    }
    let mut stored = sorted_numbers(&harness, &topic).await;
    stored.dedup();
    assert_eq!(stored, (1..=last).collect::<Vec<_>>());
}

/// With the same bus, at the same time.
pub async fn a_full_topic_holds_up_no_other<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let mut held = Publisher::of_lane(Arc::clone(&bus), &topic, 0);
    held.publish_all(&held.messages(1..=5, KEYS)).await;
    let Some(full) = harness.fill(&topic).await else { return skip(NO_FILL) };
    let Some(elsewhere) = full.elsewhere.clone() else {
        harness.drain(&topic).await;
        return skip("the whole broker is full, not one topic");
    };
    let mut steady = Publisher::of_lane(bus, &elsewhere, 1);
    let going_on = async {
        for first in (1..=100).step_by(10) {
            steady.publish_all(&steady.messages(first..=first + 9, KEYS)).await;
        }
    };
    let (last, ()) = tokio::join!(push_until_held(&mut held, 6, &full), going_on);
    steady.publish_all(&steady.messages(101..=110, KEYS)).await;
    check(&harness, &[&held, &steady]).await;
    harness.drain(&topic).await;
    held.deliver(&held.messages(6..=last, KEYS)).await;
    check(&harness, &[&held, &steady]).await;
    let mut stored = sorted_numbers(&harness, &elsewhere).await;
    stored.dedup();
    assert_eq!(stored, (1..=110).collect::<Vec<_>>());
}

/// Of several streams, which try all the time.
pub async fn what_waits_for_room_arrives_in_its_order_when_there_is_some<H: BusHarness>(
    harness: H,
) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    let mut publishers: Vec<_> =
        (0..4).map(|lane| Publisher::of_lane(Arc::clone(&bus), &topic, lane)).collect();
    for publisher in &mut publishers {
        publisher.publish_all(&publisher.messages(1..=5, KEYS)).await;
    }
    let Some(full) = harness.fill(&topic).await else { return skip(NO_FILL) };
    let delivering = publishers.into_iter().map(|mut publisher| {
        tokio::spawn(async move {
            for first in (6..=45).step_by(BATCH) {
                let last = first + BATCH as i64 - 1;
                publisher.deliver(&publisher.messages(first..=last, KEYS)).await;
            }
            publisher
        })
    });
    let delivering: Vec<_> = delivering.collect();
    let mut probe = Publisher::of_lane(bus, &topic, 9);
    let last = push_until_held(&mut probe, 1, &full).await;
    harness.drain(&topic).await;
    probe.deliver(&probe.messages(1..=last, KEYS)).await;
    let mut all = vec![probe];
    for publisher in delivering {
        all.push(publisher.await.expect("everything is delivered"));
    }
    check(&harness, &all.iter().collect::<Vec<_>>()).await;
    let stored = harness.stored(&topic).await.len();
    assert!(stored >= 4 * 45 + last as usize, "{stored} are fewer than were sent");
}
