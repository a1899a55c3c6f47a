//! A message as Kafka stores it: a CloudEvent in the binary mode of its Kafka binding.

use bytes::Bytes;
use idp_application::Message;
use rdkafka::message::{Header, OwnedHeaders};
use std::borrow::Cow;
use std::sync::Arc;

/// What is sent for one message.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) topic: Arc<str>,
    /// Chooses the partition, as clients in Java do.
    pub(crate) key: String,
    pub(crate) data: Bytes,
    pub(crate) sequence: i64,
    content_type: Cow<'static, str>,
    attributes: Vec<(Cow<'static, str>, String)>,
}

impl Record {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            topic: Arc::clone(&message.topic),
            key: message.event.partition_key(),
            data: message.event.data.clone(),
            sequence: message.sequence,
            content_type: message.event.content_type.clone(),
            attributes: message.attributes(),
        }
    }

    /// Made for each send: librdkafka takes them.
    pub(crate) fn headers(&self) -> OwnedHeaders {
        let content_type = Header { key: "content-type", value: Some(self.content_type.as_ref()) };
        let headers = OwnedHeaders::new_with_capacity(self.attributes.len() + 1);
        let mut headers = headers.insert(content_type);
        let mut key = String::with_capacity(32);
        for (name, value) in &self.attributes {
            key.clear();
            key.push_str("ce_");
            key.push_str(name);
            headers = headers.insert(Header { key: &key, value: Some(value) });
        }
        headers
    }
}
