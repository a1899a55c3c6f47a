//! A CloudEvent on one line: the JSON format of CloudEvents 1.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idp_application::Message;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{self, Write};

pub(super) fn write(writer: &mut dyn Write, message: &Message) -> io::Result<()> {
    let event = &message.event;
    let mut members: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    let attributes = message.attributes();
    for (name, value) in &attributes {
        members.insert(name, text(value)?);
    }
    members.insert("topic", text(&message.topic)?);
    members.insert("datacontenttype", text(&event.content_type)?);
    match json(&event.content_type, &event.data) {
        Some(data) => members.insert("data", data),
        None => members.insert("data_base64", text(&STANDARD.encode(&event.data))?),
    };
    // Written at once: a reader sees whole lines.
    let mut line = serde_json::to_vec(&members)?;
    line.push(b'\n');
    writer.write_all(&line)
}

fn text(text: &str) -> serde_json::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(text)
}

/// The data as it is, if it is what its media type says.
fn json(content_type: &str, data: &[u8]) -> Option<Box<RawValue>> {
    let essence = content_type.split(';').next()?.trim().to_ascii_lowercase();
    let (_, kind) = essence.split_once('/')?;
    if kind != "json" && !kind.ends_with("+json") {
        return None;
    }
    let text = std::str::from_utf8(data).ok()?.replace(['\n', '\r'], " ");
    RawValue::from_string(text).ok()
}
