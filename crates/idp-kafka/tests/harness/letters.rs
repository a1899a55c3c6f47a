//! Messages of one stream.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Makes messages of one stream, all of one aggregate.
#[derive(Clone)]
pub(crate) struct Letters {
    pub(crate) topic: Arc<str>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) epoch: i64,
}

impl Letters {
    /// Of the main track of a lane, under epoch 1.
    pub(crate) fn of_lane(topic: &Arc<str>, lane: i16) -> Self {
        let target = "letters".into();
        let stream = Stream { target, lane: Lane::from_number(lane), track: Track::Main };
        Self { topic: Arc::clone(topic), stream: Arc::new(stream), epoch: 1 }
    }

    /// The same under that epoch.
    pub(crate) fn under(&self, epoch: i64) -> Self {
        Self { epoch, ..self.clone() }
    }

    pub(crate) fn messages(&self, sequences: RangeInclusive<i64>) -> Vec<Message> {
        sequences.map(|sequence| self.message(sequence)).collect()
    }

    pub(crate) fn message(&self, sequence: i64) -> Message {
        let record = EventRecord {
            event_id: Uuid::from_u128(u128::from(sequence.unsigned_abs())),
            occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
            tenant: TenantId::new("acme").expect("a valid name"),
            aggregate_type: "letter".into(),
            aggregate_id: Uuid::from_u128(7),
            aggregate_version: sequence,
            event_type: "letter.sent".into(),
            schema_id: "letter.sent".into(),
            schema_version: 1,
            payload: format!("{{\"number\":{sequence}}}"),
            metadata: [(EventRecord::ACTOR.to_owned(), "ann".to_owned())].into(),
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
}
