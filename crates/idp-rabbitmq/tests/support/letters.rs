//! Messages to publish.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::sync::Arc;

/// The stream of a lane whose name begins so.
pub fn stream(target: &str) -> Arc<Stream> {
    let lane = Lane::from_number(3);
    Arc::new(Stream { target: target.into(), lane, track: Track::Main })
}

/// Writes messages of one stream.
#[derive(Clone, Debug)]
pub struct Writer {
    pub topic: Arc<str>,
    pub stream: Arc<Stream>,
    pub epoch: i64,
}

impl Writer {
    /// To that topic, on a stream named after the target.
    pub fn to(topic: &str, target: &str) -> Self {
        Self { topic: topic.into(), stream: stream(target), epoch: 1 }
    }

    /// The message of that number, of that aggregate.
    pub fn letter(&self, sequence: i64, aggregate: u128) -> Message {
        let record = EventRecord {
            event_id: Uuid::from_u128(sequence.unsigned_abs().into()),
            occurred_at: Timestamp::from_unix_micros(1_700_000_000_123_456),
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "letter".into(),
            aggregate_id: Uuid::from_u128(aggregate),
            aggregate_version: sequence,
            event_type: "letter.written".into(),
            schema_id: "letter.written".into(),
            schema_version: 1,
            payload: format!("{{\"number\":{sequence}}}"),
            metadata: [("actor".to_owned(), "ann".to_owned())].into(),
        };
        let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
        Message {
            topic: Arc::clone(&self.topic),
            event: CloudEvent::of(envelope, "/letters".into()),
            stream: Arc::clone(&self.stream),
            sequence,
            epoch: self.epoch,
        }
    }

    /// Messages of those numbers, each of an aggregate of its own.
    pub fn letters(&self, numbers: impl IntoIterator<Item = i64>) -> Vec<Message> {
        numbers.into_iter().map(|number| self.letter(number, number as u128)).collect()
    }

    /// Messages of those numbers, all of one aggregate.
    pub fn series(&self, numbers: impl IntoIterator<Item = i64>) -> Vec<Message> {
        numbers.into_iter().map(|number| self.letter(number, 7)).collect()
    }
}
