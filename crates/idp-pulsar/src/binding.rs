//! A message as Pulsar has it.
//!
//! CloudEvents has no binding for Pulsar. This is that of Kafka, with properties for headers: each
//! attribute is a property `ce_<name>`, the media type of the data is the property `content-type`,
//! the key of the partition is Pulsar's, and the time is Pulsar's event time.

use crate::metadata::{Metadata, Property};
use idp_application::Message;
use idp_domain::Timestamp;

pub(crate) fn metadata(message: &Message, producer_name: &str, now: Timestamp) -> Metadata {
    let attributes = message.attributes().into_iter();
    let mut properties: Vec<_> =
        attributes.map(|(name, value)| Property { key: format!("ce_{name}"), value }).collect();
    let content_type = message.event.content_type.to_string();
    properties.push(Property { key: "content-type".to_owned(), value: content_type });
    Metadata {
        producer_name: producer_name.to_owned(),
        sequence_id: message.sequence.unsigned_abs(),
        publish_time: milliseconds(now),
        properties,
        partition_key: Some(message.event.partition_key()),
        event_time: Some(milliseconds(message.event.time)),
    }
}

fn milliseconds(time: Timestamp) -> u64 {
    u64::try_from(time.unix_micros() / 1_000).unwrap_or(0)
}
