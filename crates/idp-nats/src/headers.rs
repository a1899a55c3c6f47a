//! CloudEvents as NATS headers, by the NATS binding of CloudEvents 1.0 in binary mode.

use async_nats::HeaderMap;
use idp_application::{Message, header_value};

/// All attributes, with the prefix `ce-`; the media type is an attribute like the others.
pub(crate) fn headers(message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in message.attributes() {
        headers.insert(header_name(&name), header_value(value).into_owned());
    }
    headers.insert("ce-datacontenttype", header_value(&*message.event.content_type).into_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

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
