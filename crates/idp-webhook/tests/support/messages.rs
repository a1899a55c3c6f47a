//! Messages to publish.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::sync::Arc;

/// Message number so-and-so to `orders`, in a lane of its own number.
pub(crate) fn message(number: i64) -> Message {
    let record = EventRecord {
        event_id: Uuid::from_u128(number.unsigned_abs().into()),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "order".into(),
        aggregate_id: Uuid::from_u128(7),
        aggregate_version: number,
        event_type: "order.placed".into(),
        schema_id: "order.placed".into(),
        schema_version: 1,
        payload: format!(r#"{{"item":"Ä \"x\" €","number":{number}}}"#),
        metadata: [("actor".to_owned(), "Ann Ä".to_owned())].into(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    Message {
        topic: "orders".into(),
        event: CloudEvent::of(envelope, "/shop".into()),
        stream: stream(3),
        sequence: number,
        epoch: 1,
    }
}

/// The stream of a lane.
pub(crate) fn stream(lane: i16) -> Arc<Stream> {
    let lane = Lane::from_number(lane);
    Arc::new(Stream { target: "orders".into(), lane, track: Track::Main })
}
