//! An event as an HTTP request has it: CloudEvents 1.0, HTTP binding and JSON format.

use crate::Mode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use idp_application::Message;
use serde::de::IgnoredAny;

/// What is sent, but for the signature.
#[derive(Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) content_type: HeaderValue,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// Why a message cannot be written.
pub(crate) type Unwritable = String;

pub(crate) fn write(message: &Message, mode: Mode) -> Result<Written, Unwritable> {
    match mode {
        Mode::Structured => structured(message),
        Mode::Binary => binary(message),
    }
}

fn structured(message: &Message) -> Result<Written, Unwritable> {
    let event = &message.event;
    let mut json = Vec::with_capacity(1_024 + event.data.len() * 4 / 3);
    json.push(b'{');
    for (name, value) in message.attributes() {
        member(&mut json, &name, &value);
        json.push(b',');
    }
    member(&mut json, "datacontenttype", &event.content_type);
    if is_json(&event.content_type) {
        serde_json::from_slice::<IgnoredAny>(&event.data)
            .map_err(|e| format!("its data is not the JSON that it claims to be: {e}"))?;
        json.extend_from_slice(b",\"data\":");
        json.extend_from_slice(&event.data);
    } else {
        json.push(b',');
        member(&mut json, "data_base64", &STANDARD.encode(&event.data));
    }
    json.push(b'}');
    let content_type = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    Ok(Written { content_type, headers: Vec::new(), body: json.into() })
}

fn binary(message: &Message) -> Result<Written, Unwritable> {
    let attributes = message.attributes();
    let header = |(name, value): &(_, String)| {
        let name: &std::borrow::Cow<'static, str> = name;
        let key = HeaderName::try_from(format!("ce-{name}"))
            .map_err(|_| format!("its attribute `{name}` cannot be a header"))?;
        let value = HeaderValue::try_from(percent_encoded(value)).expect("it is printable ASCII");
        Ok::<_, Unwritable>((key, value))
    };
    let headers = attributes.iter().map(header).collect::<Result<_, _>>()?;
    let content_type = HeaderValue::try_from(&*message.event.content_type)
        .map_err(|_| "its content type cannot be a header".to_owned())?;
    Ok(Written { content_type, headers, body: message.event.data.clone() })
}

fn member(json: &mut Vec<u8>, name: &str, value: &str) {
    for (text, end) in [(name, Some(b':')), (value, None)] {
        serde_json::to_writer(&mut *json, text).expect("writing text to memory does not fail");
        json.extend(end);
    }
}

/// Whether the JSON format embeds data of that media type as it is (section 3.1.1).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.split_once('/').is_some_and(|(_, kind)| kind == "json" || kind.ends_with("+json"))
}

/// As the HTTP binding has it (section 3.1.3.2): everything but printable ASCII is encoded, and
/// space, quotation mark and per cent.
fn percent_encoded(value: &str) -> String {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_any_kind_is_embedded() {
        for yes in ["application/json", "Text/JSON; charset=utf-8", "application/jose+json"] {
            assert!(is_json(yes), "{yes}");
        }
        for no in ["application/jose", "text/plain", "json", "application/json-seq", ""] {
            assert!(!is_json(no), "{no}");
        }
    }

    /// The example of section 3.1.3.2.
    #[test]
    fn header_values_are_encoded_as_in_the_specification() {
        assert_eq!(percent_encoded("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
        assert_eq!(percent_encoded("a\"b%c\n~!"), "a%22b%25c%0A~!");
    }
}
