//! Messages to send.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{TenantId, Timestamp, Uuid};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The message of lane 7, of a target named as the topic begins, with that number, of one of three aggregates, under an epoch.
pub(crate) fn letter(topic: &Arc<str>, sequence: i64, epoch: i64) -> Message {
    let lane = Lane::from_number(7);
    let number = u128::from(sequence.unsigned_abs());
    let event = CloudEvent {
        id: Uuid::from_u128(number),
        source: "/test".into(),
        event_type: "letter.posted".into(),
        time: Timestamp::UNIX_EPOCH,
        tenant: TenantId::new("acme").expect("a name"),
        aggregate_type: "letter".into(),
        aggregate_id: Uuid::from_u128(number % 3),
        aggregate_version: 1,
        schema_id: "letter.posted".into(),
        schema_version: 1,
        content_hash: None,
        metadata: Default::default(),
        content_type: CloudEvent::JSON.into(),
        data: format!("{{\"number\":{sequence}}}").into(),
    };
    // An epoch is that of a stream of messages, whatever its topics: each test has its own.
    let target = topic.split('.').next().unwrap_or_default().into();
    let stream = Arc::new(Stream { target, lane, track: Track::Main });
    Message { topic: Arc::clone(topic), event, stream, sequence, epoch }
}

/// The messages with these numbers, under an epoch.
pub(crate) fn letters(
    topic: &Arc<str>,
    sequences: RangeInclusive<i64>,
    epoch: i64,
) -> Vec<Message> {
    sequences.map(|sequence| letter(topic, sequence, epoch)).collect()
}
