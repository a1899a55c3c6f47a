//! Messages for unit tests.

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{TenantId, Timestamp, Uuid};
use std::sync::Arc;

/// Of each message the aggregate and the topic.
pub(crate) fn messages(what: &[(u128, &str)]) -> Vec<Message> {
    let (target, lane) = ("test".into(), Lane::from_number(0));
    let stream = Arc::new(Stream { target, lane, track: Track::Main });
    let message = |(aggregate, topic): &(u128, &str)| Message {
        topic: (*topic).into(),
        event: event(*aggregate),
        stream: Arc::clone(&stream),
        sequence: 1,
        epoch: 1,
    };
    what.iter().map(message).collect()
}

fn event(aggregate: u128) -> CloudEvent {
    CloudEvent {
        id: Uuid::nil(),
        source: "/test".into(),
        event_type: "door.opened".into(),
        time: Timestamp::UNIX_EPOCH,
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "door".into(),
        aggregate_id: Uuid::from_u128(aggregate),
        aggregate_version: 1,
        schema_id: "door.opened".into(),
        schema_version: 1,
        content_hash: None,
        metadata: Default::default(),
        content_type: CloudEvent::JSON.into(),
        data: Default::default(),
    }
}
