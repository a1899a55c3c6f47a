//! A message as it goes to JetStream.

use crate::destination::Destination;
use crate::headers::{headers, wire_bytes};
use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use async_nats::{HeaderMap, Subject};
use idp_application::{Message, PublishError};

/// What the server takes of headers, in bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 65_535;
/// What compare-and-append adds to the headers at most, in bytes, besides the id of a message.
const EXPECTATION_BYTES_MAX: usize = 128;

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Post<'m> {
    pub(crate) message: &'m Message,
    pub(crate) subject: Subject,
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
}

impl<'m> Post<'m> {
    /// The message under that id, if it is not too large.
    pub(crate) fn new(
        message: &'m Message,
        subject: Subject,
        id: String,
        destination: &Destination,
        payload_max: usize,
    ) -> Result<Self, PublishError> {
        let mut headers = headers(message);
        headers.insert(NATS_MESSAGE_ID, id.as_str());
        headers.insert(NATS_EXPECTED_STREAM, destination.name.as_str());
        let header_bytes = wire_bytes(&headers) + id.len() + EXPECTATION_BYTES_MAX;
        let bytes = header_bytes + message.event.data.len();
        let bytes_max =
            destination.message_bytes_max.map_or(payload_max, |max| max.min(payload_max));
        if header_bytes > HEADER_BYTES_MAX {
            let why = format!(
                "the attributes have {header_bytes} bytes, the server takes {HEADER_BYTES_MAX}"
            );
            return Err(PublishError::refused(0, why));
        }
        if bytes > bytes_max {
            let why = format!(
                "the message has {bytes} bytes with its headers, {:?} takes {bytes_max}",
                destination.name
            );
            return Err(PublishError::refused(0, why));
        }
        Ok(Self { message, subject, id, headers })
    }
}
