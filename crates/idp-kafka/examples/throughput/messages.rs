//! What is published.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::sync::Arc;

/// Aggregates that take turns.
const AGGREGATES: i64 = 50;

/// That many messages of one stream, numbered from 1, with 100 bytes of data each.
pub(crate) fn of_stream(topic: &Arc<str>, count: i64) -> Vec<Message> {
    let lane = Lane::from_number(0);
    let stream = Arc::new(Stream { target: "letters".into(), lane, track: Track::Main });
    (1..=count).map(|sequence| message(topic, &stream, sequence)).collect()
}

fn message(topic: &Arc<str>, stream: &Arc<Stream>, sequence: i64) -> Message {
    let aggregate = u128::from((sequence % AGGREGATES).unsigned_abs());
    let record = EventRecord {
        event_id: Uuid::from_u128(u128::from(sequence.unsigned_abs())),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_000 + sequence),
        tenant: TenantId::new("acme").expect("a valid name"),
        aggregate_type: "letter".into(),
        aggregate_id: Uuid::from_u128(aggregate),
        aggregate_version: sequence,
        event_type: "letter.sent".into(),
        schema_id: "letter.sent".into(),
        schema_version: 1,
        payload: format!("{{\"number\":{sequence},\"text\":\"{:070}\"}}", sequence * 7_919),
        metadata: [(EventRecord::ACTOR.to_owned(), "ann".to_owned())].into(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    Message {
        topic: Arc::clone(topic),
        event: CloudEvent::of(envelope, "/letters".into()),
        stream: Arc::clone(stream),
        sequence,
        epoch: 1,
    }
}
