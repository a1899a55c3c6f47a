//! Contracts 4 and 6: a topic that takes no more for a while. Nothing is wrong with any message.
//!
//! The bus may say so or be slow about it. It refuses nothing, and loses nothing that it has acknowledged;
//! where one topic of several is full, the others go on.

use super::arrivals::{check, distinct_numbers};
use super::publisher::Publisher;
use super::running::Running;
use crate::clauses::clauses;
use crate::harness::skip;
use crate::run::WAIT_MAX;
use crate::{BusHarness, Full};
use idp_application::{Message, PublishError, PublishFailure};
use std::pin::pin;
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
const _: () = assert!(HELD_MIN as u64 * SEND_TIME.as_secs() < WAIT_MAX.as_secs());

/// What became of a send to a full topic.
enum Pushed {
    /// All were taken over.
    No,
    /// The bus took so many.
    Back(usize),
}

/// A send to a topic that is full. One that waits is dropped, as by a relay.
async fn push(publisher: &mut Publisher, messages: &[Message], full: &Full) -> Pushed {
    match publisher.publish_within(messages, SEND_TIME).await {
        None => Pushed::Back(0),
        Some(outcome) => pushed(outcome, full),
    }
}

fn pushed(outcome: Result<(), PublishError>, full: &Full) -> Pushed {
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
    let held = timeout(WAIT_MAX, push_several(publisher, first, full)).await;
    held.unwrap_or_else(|_| panic!("the topic is full, and takes {WAIT_MAX:?} to say so"))
}

async fn push_several(publisher: &mut Publisher, first: i64, full: &Full) -> i64 {
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
    assert_eq!(distinct_numbers(&harness, &topic).await, (1..=last).collect::<Vec<_>>());
}

/// A bus that has not said so long after a send began that there is no room waits for it.
const HEAD_START: Duration = Duration::from_secs(1);
/// How often a send that waits may end before one elsewhere gets through: on a slow machine.
const BEHIND_MAX: u32 = 2;

/// Sends to the full topic and then, while that waits, by another stream to a topic that has room. What
/// waits still when the other has got through is dropped. True if it ended while the other was under
/// way, which may have waited for it.
async fn push_beside(
    held: &mut Publisher,
    messages: &[Message],
    full: &Full,
    going_on: impl Future<Output = ()>,
) -> (Pushed, bool) {
    held.sends(messages);
    let bus = Arc::clone(held.bus());
    let mut sending = pin!(bus.publish(messages));
    let mut going_on = pin!(going_on);
    let (outcome, ended_first) = match timeout(HEAD_START, &mut sending).await {
        Ok(outcome) => (outcome, false),
        Err(_) => tokio::select! {
            biased;
            () = &mut going_on => return (Pushed::Back(0), false),
            outcome = sending => (outcome, true),
        },
    };
    going_on.await;
    held.took(messages, &outcome);
    (pushed(outcome, full), ended_first)
}

/// Sends to the full topic, and each time by the other stream elsewhere, until there was no room several
/// times. The other has to get through beside what waits, not behind it.
async fn push_beside_until_held(held: &mut Publisher, full: &Full, steady: &mut Publisher) {
    let (mut next, mut beside, mut behind) = (held.last() + 1, 0, 0);
    for _ in 0..SENDS_MAX {
        let messages = held.messages(next..=next + BATCH as i64 - 1, KEYS);
        let (pushed, ended_first) = push_beside(held, &messages, full, send_on(steady)).await;
        match pushed {
            Pushed::No => next += BATCH as i64,
            Pushed::Back(taken) => {
                next += taken as i64;
                *if ended_first { &mut behind } else { &mut beside } += 1;
            }
        }
        assert!(behind <= BEHIND_MAX, "sends wait until one that found no room has ended");
        if beside >= HELD_MIN {
            return;
        }
    }
    panic!("the topic is full, and only {beside} of {SENDS_MAX} sends found no room");
}

/// The next batch of a stream whose topic has room.
async fn send_on(steady: &mut Publisher) {
    let first = steady.last() + 1;
    steady.publish_all(&steady.messages(first..=first + BATCH as i64 - 1, KEYS)).await;
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
    push_beside_until_held(&mut held, &full, &mut steady).await;
    send_on(&mut steady).await;
    check(&harness, &[&held, &steady]).await;
    harness.drain(&topic).await;
    held.deliver(&held.messages(6..=held.last(), KEYS)).await;
    check(&harness, &[&held, &steady]).await;
    let all: Vec<_> = (1..=steady.last()).collect();
    assert_eq!(distinct_numbers(&harness, &elsewhere).await, all);
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
    let running = Running::start(publishers, Some(SEND_TIME));
    let mut probe = Publisher::of_lane(bus, &topic, 9);
    let last = push_until_held(&mut probe, 1, &full).await;
    running.until_each("to find no room", |progress| progress.put_off > 0).await;
    harness.drain(&topic).await;
    let mut all = running.stop().await;
    probe.deliver(&probe.messages(1..=last, KEYS)).await;
    all.push(probe);
    check(&harness, &all.iter().collect::<Vec<_>>()).await;
    let mut sent: Vec<_> = all.iter().flat_map(|publisher| 1..=publisher.last()).collect();
    sent.sort_unstable();
    assert_eq!(distinct_numbers(&harness, &topic).await, sent);
}
