//! How a CloudEvent is written in AMQP 1.0, which is what messages in streams are.
//!
//! After the CloudEvents binding for AMQP 1.0 in binary mode: attributes are application properties
//! with the prefix `cloudEvents:`, as strings; `datacontenttype` is the content type; the data is one
//! data section. The id of the message is that of the event, its creation time the event's time.

use idp_application::Message;
use idp_domain::Uuid;

const PREFIX: &str = "cloudEvents:";
const PROPERTIES: u8 = 0x73;
const APPLICATION_PROPERTIES: u8 = 0x74;
const DATA: u8 = 0x75;
const NULL: u8 = 0x40;

/// Appends the message in AMQP 1.0.
///
/// # Errors
/// Says what is wrong with a message that has no such form. Nothing is appended then.
pub(crate) fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
    let event = &message.event;
    if !event.content_type.is_ascii() {
        return Err("the content type has characters besides ASCII".to_owned());
    }
    section(out, PROPERTIES);
    compound(out, 0xd0, |out| {
        text(out, event.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        out.extend_from_slice(&[NULL; 5]);
        variable(out, 0xa3, 0xb3, event.content_type.as_bytes());
        out.extend_from_slice(&[NULL; 2]);
        out.push(0x83);
        out.extend_from_slice(&event.time.unix_micros().div_euclid(1_000).to_be_bytes());
        10
    });
    section(out, APPLICATION_PROPERTIES);
    compound(out, 0xd1, |out| {
        let mut items = 0;
        message.each_attribute(&mut |name, value| {
            prefixed(out, &name);
            text(out, value);
            items += 2;
        });
        items
    });
    section(out, DATA);
    variable(out, 0xa0, 0xb0, &event.data);
    Ok(())
}

fn section(out: &mut Vec<u8>, code: u8) {
    out.extend_from_slice(&[0x00, 0x53, code]);
}

/// A list or a map with the long form of its size, which counts the number of its items in. `write`
/// says how many it has written.
fn compound(out: &mut Vec<u8>, form: u8, write: impl FnOnce(&mut Vec<u8>) -> usize) {
    out.push(form);
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    let items = write(out);
    let size = length(out.len() - start - 4);
    out[start..start + 4].copy_from_slice(&size);
    out[start + 4..start + 8].copy_from_slice(&length(items));
}

fn text(out: &mut Vec<u8>, text: &str) {
    variable(out, 0xa1, 0xb1, text.as_bytes());
}

/// Names of attributes are short.
fn prefixed(out: &mut Vec<u8>, name: &str) {
    match u8::try_from(PREFIX.len() + name.len()) {
        Ok(length) => {
            out.extend_from_slice(&[0xa1, length]);
            out.extend_from_slice(PREFIX.as_bytes());
            out.extend_from_slice(name.as_bytes());
        }
        Err(_) => text(out, &format!("{PREFIX}{name}")),
    }
}

/// Bytes in the short form or in the long one.
fn variable(out: &mut Vec<u8>, short: u8, long: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend_from_slice(&[short, length]),
        Err(_) => {
            out.push(long);
            out.extend_from_slice(&length(bytes.len()));
        }
    }
    out.extend_from_slice(bytes);
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("messages are bounded by the size of a frame").to_be_bytes()
}
