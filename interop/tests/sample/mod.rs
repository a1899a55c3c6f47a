//! The message that all buses carry: with what the framework itself writes, and text that has to be
//! encoded where not all of Unicode may stand.
#![allow(dead_code, reason = "each test program uses a part of it")]

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn record() -> EventRecord {
    let id = |text| Uuid::parse_str(text).expect("a UUID");
    EventRecord {
        event_id: id("018f3b1e-8c1b-7cc0-9d9e-3f6d0a6f0c11"),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_123_456),
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "order".into(),
        aggregate_id: id("018f3b1e-0000-7000-8000-000000000007"),
        aggregate_version: 3,
        event_type: "order.placed".into(),
        schema_id: "order.placed".into(),
        schema_version: 1,
        payload: r#"{"customer":"Zoë","total":12.5}"#.to_owned(),
        metadata: [
            (EventRecord::ACTOR, "Zoë Müller"),
            (EventRecord::TRACE_PARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            (EventRecord::CORRELATION_ID, "checkout-81"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
    }
}

pub(crate) fn event() -> CloudEvent {
    let envelope = Envelope::seal(record(), &ContentHasher::Plain).expect("canonical");
    CloudEvent::of(envelope, "/shop".into())
}

pub(crate) fn message(topic: &str) -> Message {
    let lane = Lane::from_number(12);
    let stream = Stream { target: "orders".into(), lane, track: Track::Main };
    Message {
        topic: topic.into(),
        event: event(),
        stream: Arc::new(stream),
        sequence: 42,
        epoch: 3,
    }
}

pub(crate) fn attributes(message: &Message) -> BTreeMap<String, String> {
    let attributes = message.attributes().into_iter();
    attributes.map(|(name, value)| (name.into_owned(), value)).collect()
}
