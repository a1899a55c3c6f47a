//! CloudEvents as NATS headers, by the NATS binding of CloudEvents 1.0 in binary mode.

use async_nats::HeaderMap;
use idp_application::Message;
use std::fmt::Write;

/// All attributes, with the prefix `ce-`; the media type is an attribute like the others.
pub(crate) fn headers(message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in message.attributes() {
        headers.insert(header_name(&name), encoded(value));
    }
    headers.insert("ce-datacontenttype", encoded(message.event.content_type.to_string()));
    headers
}

/// How many bytes the headers are on the wire.
pub(crate) fn wire_bytes(headers: &HeaderMap) -> usize {
    const FRAME: usize = "NATS/1.0\r\n\r\n".len();
    const SEPARATORS: usize = ": \r\n".len();
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + value.as_str().len() + SEPARATORS)
    });
    FRAME + lines.sum::<usize>()
}

fn header_name(attribute: &str) -> String {
    let mut name = String::with_capacity(3 + attribute.len());
    name.push_str("ce-");
    name.push_str(attribute);
    name
}

/// Space, `"`, `%` and whatever is not printable ASCII is percent-encoded, as in the HTTP binding.
fn encoded(value: String) -> String {
    let is_plain = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'"' && byte != b'%';
    if value.bytes().all(is_plain) {
        return value;
    }
    let mut text = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes all");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_percent_encoded_by_the_rule_of_the_binding() {
        let of = |value: &str| encoded(value.to_owned());
        assert_eq!(of("application/json;charset=utf-8"), "application/json;charset=utf-8");
        assert_eq!(of("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
        assert_eq!(of("\"100%\"\r\n"), "%22100%25%22%0D%0A");
    }

    #[test]
    fn the_size_is_that_on_the_wire() {
        let mut headers = HeaderMap::new();
        assert_eq!(wire_bytes(&headers), "NATS/1.0\r\n\r\n".len());
        headers.insert("ce-id", "1");
        headers.insert("Nats-Msg-Id", "a/1");
        let wire = "NATS/1.0\r\nce-id: 1\r\nNats-Msg-Id: a/1\r\n\r\n";
        assert_eq!(wire_bytes(&headers), wire.len());
    }
}
