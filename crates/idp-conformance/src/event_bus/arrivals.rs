//! Holds what topics have stored against what was sent to them.

use super::publisher::{Letter, Publisher};
use crate::{BusHarness, Received};
use idp_application::{CloudEvent, Duplicates, EventBus, Message};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// A bus that stores what comes again within so long only once does so for as long as clauses take.
const LONG_ENOUGH: Duration = Duration::from_secs(30);

/// Whether what is published again under the same number is stored once.
pub(super) fn stores_once(bus: &dyn EventBus) -> bool {
    match bus.guarantees().duplicates {
        Duplicates::Never => true,
        Duplicates::NeverWithin(time) => time >= LONG_ENOUGH,
        Duplicates::Possible => false,
    }
}

/// Checks all topics that were sent to: what was taken over is there, in the order of its numbers,
/// as it was sent; nothing is there that was not sent; what was sent once, and on a bus that stores
/// numbers once everything, is there at most once.
///
/// # Panics
/// When any of that is not so.
pub(super) async fn check<H: BusHarness>(harness: &H, publishers: &[&Publisher]) {
    let once = publishers.iter().all(|publisher| stores_once(&**publisher.bus()));
    for (topic, letters) in by_topic(publishers) {
        if harness.missing_topic().as_deref() != Some(topic.as_str()) {
            check_topic(&topic, &harness.stored(&topic).await, &letters, once);
        }
    }
}

/// The numbers of what the topic holds, in its order.
pub(super) async fn numbers<H: BusHarness>(harness: &H, topic: &str) -> Vec<i64> {
    harness.stored(topic).await.iter().map(number).collect()
}

/// The numbers of what the topic holds of one bus-wide order of keys: sorted.
pub(super) async fn sorted_numbers<H: BusHarness>(harness: &H, topic: &str) -> Vec<i64> {
    let mut numbers = numbers(harness, topic).await;
    numbers.sort_unstable();
    numbers
}

/// The numbers of the events that the topic holds, each event once: sorted.
pub(super) async fn distinct_numbers<H: BusHarness>(harness: &H, topic: &str) -> Vec<i64> {
    let stored = harness.stored(topic).await;
    let events: BTreeMap<_, _> =
        stored.iter().map(|received| (received.attributes.get("id"), number(received))).collect();
    let mut numbers: Vec<_> = events.into_values().collect();
    numbers.sort_unstable();
    numbers
}

fn number(received: &Received) -> i64 {
    let sequence = received.attributes.get("sequence").map(|text| text.parse());
    sequence.and_then(Result::ok).unwrap_or_else(|| panic!("{received:?} has no number"))
}

/// What was sent to each topic, by identity; by several workers perhaps.
fn by_topic(publishers: &[&Publisher]) -> BTreeMap<String, HashMap<String, Letter>> {
    let mut topics: BTreeMap<String, HashMap<String, Letter>> = BTreeMap::new();
    for letter in publishers.iter().flat_map(|publisher| publisher.letters()) {
        let topic = topics.entry(letter.message.topic.to_string()).or_default();
        let id = letter.message.event.id.to_string();
        topic
            .entry(id)
            .and_modify(|known| {
                known.sent += letter.sent;
                known.is_taken |= letter.is_taken;
            })
            .or_insert_with(|| letter.clone());
    }
    topics
}

fn check_topic(topic: &str, stored: &[Received], letters: &HashMap<String, Letter>, once: bool) {
    let mut copies: HashMap<&str, usize> = HashMap::new();
    let mut last: HashMap<(String, String), i64> = HashMap::new();
    for received in stored {
        let id = received.attributes.get("id").map(String::as_str);
        let (id, letter) = id
            .and_then(|id| letters.get_key_value(id))
            .unwrap_or_else(|| panic!("{topic} holds what nobody sent: {received:?}"));
        check_unchanged(&letter.message, received);
        let copies = copies.entry(id).or_default();
        *copies += 1;
        let copies_max = if once { 1 } else { letter.sent };
        assert!(*copies <= copies_max, "{topic} holds {} {copies} times", name(&letter.message));
        if *copies == 1 {
            let message = &letter.message;
            let key = (message.stream.to_string(), message.event.partition_key());
            let before = last.insert(key, message.sequence).unwrap_or(0);
            assert!(before < message.sequence, "{topic}: {} stands behind {before}", name(message));
        }
    }
    let lost =
        letters.iter().filter(|(id, letter)| letter.is_taken && !copies.contains_key(id.as_str()));
    let lost: BTreeSet<String> = lost.map(|(_, letter)| name(&letter.message)).collect();
    assert!(lost.is_empty(), "{topic} lacks what was taken over: {lost:?}");
}

fn name(message: &Message) -> String {
    format!("{}#{:06}", message.stream, message.sequence)
}

/// All but the epoch, which is that of the worker whose copy came first.
fn check_unchanged(message: &Message, received: &Received) {
    let mut got = received.clone();
    let mut sent = as_received(message);
    for attributes in [&mut got.attributes, &mut sent.attributes] {
        assert!(attributes.remove("epoch").is_some(), "{} has no epoch", name(message));
    }
    assert_eq!(got, sent, "{} has changed", name(message));
}

/// The message as a subscriber is to get it.
pub(super) fn as_received(message: &Message) -> Received {
    let CloudEvent { content_type, data, .. } = &message.event;
    Received {
        attributes: message
            .attributes()
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value))
            .collect(),
        content_type: content_type.to_string(),
        data: data.to_vec(),
    }
}
