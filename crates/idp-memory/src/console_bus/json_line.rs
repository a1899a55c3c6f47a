//! A CloudEvent on one line: the JSON format of CloudEvents 1.0.

use idp_application::Message;
use std::io::{self, Write};

/// The extension attribute that is the topic here, whatever the metadata of the event say.
const TOPIC: &str = "topic";

pub(super) fn write(writer: &mut dyn Write, message: &Message) -> io::Result<()> {
    let is_taken = message.attributes().iter().any(|(name, _)| name == TOPIC);
    let json = if is_taken { json(&without_topic(message)) } else { json(message) };
    // In JSON a line break can stand between tokens only.
    let members = json[1..].replace(['\n', '\r'], " ");
    let topic = serde_json::to_string(&*message.topic)?;
    // Written at once: a reader sees whole lines.
    writer.write_all(format!("{{\"{TOPIC}\":{topic},{members}\n").as_bytes())
}

fn json(message: &Message) -> String {
    message.to_json().unwrap_or_else(|_| message.to_json_with_base64())
}

/// Names of metadata lose what is neither letter nor digit when they become attributes.
fn without_topic(message: &Message) -> Message {
    let mut message = message.clone();
    message.event.metadata.retain(|name, _| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        !letters.collect::<String>().eq_ignore_ascii_case(TOPIC)
    });
    message
}
