//! How a CloudEvent is written in AMQP 0-9-1.
//!
//! There is no official binding for it. This is that of Knative's RabbitMQ broker, in binary mode:
//! attributes are headers with the prefix `ce-`, `datacontenttype` is the content type. The other
//! properties help people and tools: the id of the message is that of the event, the type its type,
//! the timestamp (in whole seconds) its time.

use idp_application::Message;
use lapin::BasicProperties;
use lapin::message::BasicReturnMessage;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

const PREFIX: &str = "ce-";
/// The header that tells which of the messages of a call came back.
const SEQUENCE: &str = "ce-sequence";
const PERSISTENT: u8 = 2;
/// What the frame of the properties holds besides headers, at most: three short strings and a bit.
const OTHER_BYTES_MAX: usize = 1_024;

/// The properties of a message. All of them must fit into one frame.
///
/// # Errors
/// Says what is wrong with a message that has no such form.
pub(crate) fn properties(message: &Message, frame_bytes: usize) -> Result<BasicProperties, String> {
    let event = &message.event;
    let mut headers = FieldTable::default();
    let mut bytes = OTHER_BYTES_MAX;
    for (name, value) in message.attributes() {
        bytes += PREFIX.len() + name.len() + value.len() + 6;
        let value = AMQPValue::LongString(LongString::from(value));
        headers.insert(short("name of an attribute", format!("{PREFIX}{name}"))?, value);
    }
    if bytes > frame_bytes {
        return Err(format!("the attributes take {bytes} bytes, {frame_bytes} at most"));
    }
    let seconds = event.time.unix_micros().div_euclid(1_000_000);
    Ok(BasicProperties::default()
        .with_headers(headers)
        .with_content_type(short("content type", event.content_type.as_ref())?)
        .with_message_id(short("id", event.id.to_string())?)
        .with_type(short("type", event.event_type.as_ref())?)
        .with_timestamp(u64::try_from(seconds).unwrap_or(0))
        .with_delivery_mode(PERSISTENT))
}

/// Whether the broker returned that message.
pub(crate) fn is_copy(returned: &BasicReturnMessage, message: &Message) -> bool {
    let properties = &returned.delivery.properties;
    let same_id = properties
        .message_id()
        .as_ref()
        .is_some_and(|id| id.as_str() == message.event.id.to_string());
    let header = properties.headers().as_ref().and_then(|headers| headers.inner().get(SEQUENCE));
    let sequence = match header {
        Some(AMQPValue::LongString(text)) => std::str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    };
    same_id && sequence.and_then(|text| text.parse().ok()) == Some(message.sequence)
}

fn short(what: &str, text: impl Into<String>) -> Result<ShortString, String> {
    ShortString::try_new(text).map_err(|error| format!("the {what}: {error}"))
}
