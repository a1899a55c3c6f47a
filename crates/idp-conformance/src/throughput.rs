//! What a bus is compared with its bare client by: the same messages for each bus, and one row for
//! what came of it. Used by the `throughput_*` examples of the bus crates, which
//! `cargo run --release -p bench -- buses` runs one after another.

use idp_application::{CloudEvent, EventBus, Lane, Message, PublishError, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many messages are given to the bus in one call, and confirmed before the next.
pub const BATCH: usize = 500;

/// The part of the bare client's rate that a bus should reach.
pub const AIM: f64 = 0.7;

/// How much is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Messages of each measurement.
    pub messages: usize,
    /// How often bus and bare client are measured, in turn.
    pub rounds: usize,
}

impl Size {
    /// Of a command line: messages (100000 unless told), rounds (5).
    ///
    /// # Panics
    /// When an argument is no number above zero.
    pub fn from_args() -> Self {
        let mut given = std::env::args().skip(1).map(|text| {
            let number = text.parse().ok().filter(|number| *number > 0);
            number.unwrap_or_else(|| panic!("`{text}` is no number above zero"))
        });
        let mut next = |usual| given.next().unwrap_or(usual);
        let (messages, rounds) = (next(100_000), next(5));
        Self { messages, rounds }
    }
}

/// So many messages of one stream, numbered from 1, with some 100 bytes of data each, of so many
/// aggregates in turn.
pub fn messages(topic: &str, count: usize, aggregates: usize) -> Vec<Message> {
    let (topic, source): (Arc<str>, Arc<str>) = (topic.into(), "/throughput".into());
    let (target, lane) = ("throughput".into(), Lane::from_number(0));
    let stream = Arc::new(Stream { target, lane, track: Track::Main });
    let numbers = (1..=count).zip(1_i64..);
    let message = |(number, sequence)| Message {
        topic: Arc::clone(&topic),
        event: CloudEvent::of(envelope(sequence, number % aggregates), Arc::clone(&source)),
        stream: Arc::clone(&stream),
        sequence,
        epoch: 1,
    };
    numbers.map(message).collect()
}

fn envelope(sequence: i64, aggregate: usize) -> Envelope {
    let id = |number: i64| Uuid::from_u128(u128::from(number.unsigned_abs()));
    let record = EventRecord {
        event_id: id(sequence),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_000 + sequence),
        tenant: TenantId::new("acme").expect("a valid name"),
        aggregate_type: "letter".into(),
        aggregate_id: id(i64::try_from(aggregate).unwrap_or(i64::MAX)),
        aggregate_version: sequence,
        event_type: "letter.sent".into(),
        schema_id: "letter.sent".into(),
        schema_version: 1,
        payload: format!("{{\"number\":{sequence},\"text\":\"{:070}\"}}", sequence * 7_919),
        metadata: [(EventRecord::ACTOR.to_owned(), "ann".to_owned())].into(),
    };
    Envelope::seal(record, &ContentHasher::Plain).expect("the payload is canonical")
}

/// Publishes all of them, in calls of [`BATCH`].
pub async fn publish(bus: &dyn EventBus, messages: &[Message]) -> Result<(), PublishError> {
    for batch in messages.chunks(BATCH) {
        bus.publish(batch).await?;
    }
    Ok(())
}

/// A bus beside its bare client. Shown, it is a row of the table under [`Comparison::HEAD`].
#[derive(Clone, Debug)]
pub struct Comparison {
    what: String,
    messages: usize,
    /// The times of the bare client and of the bus.
    rounds: Vec<(Duration, Duration)>,
}

impl Comparison {
    /// The head of the table.
    pub const HEAD: &'static str = "| bus | bare client, messages/s | ours, messages/s | ratio (lowest to highest round) | aim |\n\
         |---|---:|---:|---:|---|";

    /// Of so many messages in each round.
    pub fn of(what: impl Into<String>, messages: usize) -> Self {
        Self { what: what.into(), messages, rounds: Vec::new() }
    }

    /// What both took in a round.
    pub fn add(&mut self, bare: Duration, ours: Duration) {
        self.rounds.push((bare, ours));
    }

    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    fn rate(&self, time: Duration) -> f64 {
        self.messages as f64 / time.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = |value: &dyn Fn(&(Duration, Duration)) -> f64| {
            let mut values: Vec<f64> = self.rounds.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let ratios = sorted(&|(bare, ours)| bare.as_secs_f64() / ours.as_secs_f64().max(1e-9));
        let (Some(lowest), Some(highest)) = (ratios.first(), ratios.last()) else {
            return write!(f, "| {} | – | – | – | – |", self.what);
        };
        let middle = ratios.len() / 2;
        let bare = sorted(&|(bare, _)| self.rate(*bare))[middle];
        let ours = sorted(&|(_, ours)| self.rate(*ours))[middle];
        let (ratio, what) = (ratios[middle], &self.what);
        let met = if ratio >= AIM { "met" } else { "missed" };
        write!(
            f,
            "| {what} | {bare:.0} | {ours:.0} | {ratio:.2} ({lowest:.2} to {highest:.2}) | {AIM} {met} |"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_medians_of_the_rounds_and_says_whether_the_aim_is_met() {
        let mut comparison = Comparison::of("a bus", 1_000);
        assert_eq!(comparison.to_string(), "| a bus | – | – | – | – |");
        for (bare, ours) in [(100, 200), (100, 125), (50, 100)] {
            comparison.add(Duration::from_millis(bare), Duration::from_millis(ours));
        }
        let row = "| a bus | 10000 | 8000 | 0.50 (0.50 to 0.80) | 0.7 missed |";
        assert_eq!(comparison.to_string(), row);
        comparison.add(Duration::from_millis(100), Duration::from_millis(100));
        comparison.add(Duration::from_millis(100), Duration::from_millis(100));
        assert!(comparison.to_string().ends_with("0.7 met |"), "{comparison}");
    }

    #[test]
    fn messages_are_numbered_in_one_stream_and_aggregates_take_turns() {
        let messages = messages("letters", 5, 2);
        let numbers: Vec<_> = messages.iter().map(|message| message.sequence).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(messages[0].event.aggregate_id, messages[2].event.aggregate_id);
        assert_ne!(messages[0].event.aggregate_id, messages[1].event.aggregate_id);
        assert_ne!(messages[0].event.id, messages[2].event.id);
    }
}
