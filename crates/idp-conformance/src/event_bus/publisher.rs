//! Publishes one stream as a relay does: in order, and again from the first message that was not
//! taken over.

use crate::fixture::tenant;
use crate::run::WAIT_MAX;
use idp_application::{
    CloudEvent, EventBus, Lane, Message, PublishError, PublishFailure, Stream, Track,
};
use idp_domain::{ContentHasher, Envelope, EventRecord, Timestamp, Uuid};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long one call may take, also when the broker does not answer.
pub(super) const SEND_TIME_MAX: Duration = Duration::from_secs(WAIT_MAX.as_secs() / 2);
/// How long it may take until the broker is back.
pub(super) const DELIVERY_TIME_MAX: Duration = WAIT_MAX;
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// A bus may give up a send that it has no reason not to take after so long, and so often at most: the
/// machine may be slow, and buses do not wait for ever.
const SLOW_TIME: Duration = Duration::from_secs(1);
const SLOW_SENDS_MAX: u32 = 4;

/// A worker that publishes one stream under one epoch, and remembers what it sent.
pub(super) struct Publisher {
    bus: Arc<dyn EventBus>,
    topic: Arc<str>,
    stream: Arc<Stream>,
    epoch: i64,
    letters: BTreeMap<i64, Letter>,
}

/// A message that was sent.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) message: Message,
    /// How often it was handed to the bus.
    pub(super) sent: usize,
    /// Whether the bus has taken it over.
    pub(super) is_taken: bool,
}

impl Publisher {
    /// The first worker of the main track of a lane. Messages go to that topic unless they say
    /// otherwise.
    pub(super) fn of_lane(bus: Arc<dyn EventBus>, topic: &Arc<str>, lane: i16) -> Self {
        Self::of_track(bus, topic, lane, Track::Main)
    }

    /// The first worker of a track.
    pub(super) fn of_track(
        bus: Arc<dyn EventBus>,
        topic: &Arc<str>,
        lane: i16,
        track: Track,
    ) -> Self {
        let stream = Stream { target: target(topic), lane: Lane::from_number(lane), track };
        Self {
            bus,
            topic: Arc::clone(topic),
            stream: Arc::new(stream),
            epoch: 1,
            letters: BTreeMap::new(),
        }
    }

    /// The worker that takes the stream over.
    pub(super) fn successor(&self, bus: Arc<dyn EventBus>) -> Self {
        Self {
            bus,
            topic: Arc::clone(&self.topic),
            stream: Arc::clone(&self.stream),
            epoch: self.epoch + 1,
            letters: BTreeMap::new(),
        }
    }

    /// Takes over the memory of what others sent of the stream.
    pub(super) fn inherit(&mut self, others: impl IntoIterator<Item = Self>) {
        for (number, letter) in others.into_iter().flat_map(|other| other.letters) {
            let known = self.letters.entry(number).or_insert_with(|| Letter {
                message: letter.message.clone(),
                sent: 0,
                is_taken: false,
            });
            known.sent += letter.sent;
            known.is_taken |= letter.is_taken;
        }
    }

    /// What was sent so far.
    pub(super) fn letters(&self) -> impl Iterator<Item = &Letter> {
        self.letters.values()
    }

    /// The highest number that was sent so far.
    pub(super) fn last(&self) -> i64 {
        self.letters.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// The bus.
    pub(super) fn bus(&self) -> &Arc<dyn EventBus> {
        &self.bus
    }

    /// The message of that number, of the aggregate of that number. The same numbers give the same
    /// event.
    pub(super) fn message(&self, key: u8, sequence: i64) -> Message {
        let lane = u128::from(self.stream.lane.number().unsigned_abs());
        let record = EventRecord {
            event_id: identity(&self.stream, sequence),
            occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
            tenant: tenant(if key.is_multiple_of(2) { "acme" } else { "umbrella-2" }),
            aggregate_type: "parcel".into(),
            aggregate_id: Uuid::from_u128((lane << 64) | (u128::from(key) + 1)),
            aggregate_version: sequence,
            event_type: "parcel.moved".into(),
            schema_id: "parcel.moved".into(),
            schema_version: 2,
            payload: format!("{{\"number\":{sequence}}}"),
            metadata: [(EventRecord::ACTOR.to_owned(), "ann".to_owned())].into(),
        };
        let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
        Message {
            topic: Arc::clone(&self.topic),
            event: CloudEvent::of(envelope, "/conformance".into()),
            stream: Arc::clone(&self.stream),
            sequence,
            epoch: self.epoch,
        }
    }

    /// The messages of those numbers, of so many aggregates in turn.
    pub(super) fn messages(&self, sequences: RangeInclusive<i64>, keys: u8) -> Vec<Message> {
        let key = |sequence: i64| u8::try_from(sequence % i64::from(keys)).expect("less than keys");
        sequences.map(|sequence| self.message(key(sequence), sequence)).collect()
    }

    /// Hands the messages to the bus, once.
    ///
    /// # Panics
    /// When the bus does not answer in time, and when it counts more than it was given.
    pub(super) async fn publish(&mut self, messages: &[Message]) -> Result<(), PublishError> {
        let outcome = self.publish_within(messages, SEND_TIME_MAX).await;
        outcome.unwrap_or_else(|| panic!("no answer within {SEND_TIME_MAX:?}"))
    }

    /// Hands the messages to the bus, once, and drops the send after so long, as a relay does. `None`
    /// when it was dropped.
    pub(super) async fn publish_within(
        &mut self,
        messages: &[Message],
        time: Duration,
    ) -> Option<Result<(), PublishError>> {
        self.sends(messages);
        let bus = Arc::clone(&self.bus);
        let outcome = timeout(time, bus.publish(messages)).await.ok()?;
        self.took(messages, &outcome);
        Some(outcome)
    }

    /// Hands over messages that the bus has no reason not to take.
    ///
    /// # Panics
    /// When it does not: when it says so at once, says anything against them, or gives up too often.
    pub(super) async fn publish_all(&mut self, messages: &[Message]) {
        let (mut taken, mut gave_up) = (0, 0);
        loop {
            let started = Instant::now();
            let Err(error) = self.publish(&messages[taken..]).await else { return };
            taken += error.accepted;
            gave_up += 1;
            let may_be_slow = is_temporary(&error) && started.elapsed() >= SLOW_TIME;
            let is_excused = may_be_slow && gave_up < SLOW_SENDS_MAX;
            assert!(is_excused, "not taken over: {error} ({error:?})");
        }
    }

    /// Hands the messages over, again and again from the first that was not taken over, as long as
    /// the broker is away.
    ///
    /// # Panics
    /// When the bus refuses a message, and when the broker does not come back.
    pub(super) async fn deliver(&mut self, messages: &[Message]) {
        let started = Instant::now();
        let mut taken = 0;
        while let Err(error) = self.publish(&messages[taken..]).await {
            taken += error.accepted;
            spares_good_messages(&error);
            assert!(started.elapsed() < DELIVERY_TIME_MAX, "it does not recover: {error:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Notes that messages are handed to the bus.
    pub(super) fn sends(&mut self, messages: &[Message]) {
        for message in messages {
            let letter = self.letters.entry(message.sequence).or_insert_with(|| Letter {
                message: message.clone(),
                sent: 0,
                is_taken: false,
            });
            letter.sent += 1;
        }
    }

    /// Notes what the bus said of them.
    pub(super) fn took(&mut self, messages: &[Message], outcome: &Result<(), PublishError>) {
        let accepted = outcome.as_ref().map_or_else(|error| error.accepted, |()| messages.len());
        assert!(accepted <= messages.len(), "{accepted} of {} taken over", messages.len());
        for message in &messages[..accepted] {
            let letter = self.letters.get_mut(&message.sequence);
            letter.expect("what was taken over was sent").is_taken = true;
        }
    }
}

/// The broker may be away or have no room; nothing may be said against messages that nothing is wrong
/// with.
///
/// # Panics
/// When something is.
pub(super) fn spares_good_messages(error: &PublishError) {
    assert!(is_temporary(error), "{:?} of a good message: {error}", error.failure);
}

fn is_temporary(error: &PublishError) -> bool {
    use PublishFailure::{Throttled, TopicUnavailable, Unavailable};
    matches!(error.failure, Unavailable | Throttled(_) | TopicUnavailable(_))
}

/// A name that no other clause uses, with characters that every broker takes for a name.
fn target(topic: &str) -> Arc<str> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    topic.chars().map(plain).collect::<String>().into()
}

/// The identity of the event: FNV-1a over what makes it what it is, twice.
fn identity(stream: &Stream, sequence: i64) -> Uuid {
    let text = format!("{stream}#{sequence}");
    let hash = |seed: u64| {
        text.bytes()
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15));
    Uuid::from_u128((u128::from(high) << 64) | u128::from(low))
}
