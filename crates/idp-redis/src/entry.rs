//! CloudEvents as fields of an entry. There is no binding of CloudEvents to Redis; this one is after
//! that to Kafka, in binary mode.

use idp_application::Message;
use redis::Cmd;

/// How many arguments [`append`] gives for a message with so many attributes.
pub(crate) fn arguments(attributes: usize) -> usize {
    2 * (attributes + 2)
}

/// Adds the fields of a message: `ce_` and the name for each attribute, `content-type`, and `data`.
pub(crate) fn append(command: &mut Cmd, message: &Message, attributes: &Attributes) {
    let mut field = String::with_capacity(32);
    for (name, value) in attributes {
        field.clear();
        field.push_str("ce_");
        field.push_str(name);
        command.arg(field.as_str()).arg(value);
    }
    command.arg("content-type").arg(&*message.event.content_type);
    command.arg("data").arg(&message.event.data[..]);
}

/// What [`Message::attributes`] gives.
pub(crate) type Attributes = Vec<(std::borrow::Cow<'static, str>, String)>;
