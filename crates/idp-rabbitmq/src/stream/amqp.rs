//! How a CloudEvent is written in AMQP 1.0, which is what messages in streams are.
//!
//! After the CloudEvents binding for AMQP 1.0 in binary mode: attributes are application properties
//! with the prefix `cloudEvents:`, as strings; `datacontenttype` is the content type; the data is one
//! data section. The id of the message is that of the event, its creation time the event's time.

use idp_application::Message;

const PREFIX: &str = "cloudEvents:";
const PROPERTIES: u8 = 0x73;
const APPLICATION_PROPERTIES: u8 = 0x74;
const DATA: u8 = 0x75;
const NULL: u8 = 0x40;

/// The message in AMQP 1.0.
///
/// # Errors
/// Says what is wrong with a message that has no such form.
pub(crate) fn encode(message: &Message) -> Result<Vec<u8>, String> {
    let event = &message.event;
    if !event.content_type.is_ascii() {
        return Err("the content type has characters besides ASCII".to_owned());
    }
    let mut out = Vec::with_capacity(1_024 + event.data.len());
    section(&mut out, PROPERTIES);
    compound(&mut out, 0xd0, 10, |out| {
        text(out, &event.id.to_string());
        out.extend([NULL; 5]);
        variable(out, 0xa3, 0xb3, event.content_type.as_bytes());
        out.extend([NULL; 2]);
        out.push(0x83);
        out.extend(event.time.unix_micros().div_euclid(1_000).to_be_bytes());
    });
    let attributes = message.attributes();
    section(&mut out, APPLICATION_PROPERTIES);
    compound(&mut out, 0xd1, 2 * attributes.len(), |out| {
        for (name, value) in &attributes {
            prefixed(out, name);
            text(out, value);
        }
    });
    section(&mut out, DATA);
    variable(&mut out, 0xa0, 0xb0, &event.data);
    Ok(out)
}

fn section(out: &mut Vec<u8>, code: u8) {
    out.extend([0x00, 0x53, code]);
}

/// A list or a map with the long form of its size, which counts the number of its items in.
fn compound(out: &mut Vec<u8>, form: u8, items: usize, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(form);
    let start = out.len();
    out.extend([0; 4]);
    out.extend(length(items));
    write(out);
    let size = length(out.len() - start - 4);
    out[start..start + 4].copy_from_slice(&size);
}

fn text(out: &mut Vec<u8>, text: &str) {
    variable(out, 0xa1, 0xb1, text.as_bytes());
}

/// Names of attributes are short.
fn prefixed(out: &mut Vec<u8>, name: &str) {
    match u8::try_from(PREFIX.len() + name.len()) {
        Ok(length) => {
            out.extend([0xa1, length]);
            out.extend_from_slice(PREFIX.as_bytes());
            out.extend_from_slice(name.as_bytes());
        }
        Err(_) => text(out, &format!("{PREFIX}{name}")),
    }
}

/// Bytes in the short form or in the long one.
fn variable(out: &mut Vec<u8>, short: u8, long: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend([short, length]),
        Err(_) => {
            out.push(long);
            out.extend(length(bytes.len()));
        }
    }
    out.extend_from_slice(bytes);
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("messages are bounded by the size of a frame").to_be_bytes()
}
