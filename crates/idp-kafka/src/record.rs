//! A message as Kafka stores it: a CloudEvent in the binary mode of its Kafka binding. Its key is the
//! partition key, its value the data, and its headers are made here.

use idp_application::Message;
use rdkafka::message::{Header, OwnedHeaders};

/// Made for each send: librdkafka takes them.
pub(crate) fn headers(message: &Message) -> OwnedHeaders {
    let attributes = message.attributes();
    let content_type = message.event.content_type.as_ref();
    let headers = OwnedHeaders::new_with_capacity(attributes.len() + 1);
    let mut headers = headers.insert(Header { key: "content-type", value: Some(content_type) });
    let mut key = String::with_capacity(32);
    for (name, value) in &attributes {
        key.clear();
        key.push_str("ce_");
        key.push_str(name);
        headers = headers.insert(Header { key: &key, value: Some(value) });
    }
    headers
}
