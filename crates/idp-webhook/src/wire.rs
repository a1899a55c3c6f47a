//! An event as an HTTP request has it: CloudEvents 1.0, HTTP binding and JSON format.

use crate::Mode;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use idp_application::{Message, header_value};

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
    let json = message.to_json().map_err(|error| error.to_string())?;
    let content_type = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    Ok(Written { content_type, headers: Vec::new(), body: json.into() })
}

fn binary(message: &Message) -> Result<Written, Unwritable> {
    let attributes = message.attributes();
    let header = |(name, value): &(_, String)| {
        let name: &std::borrow::Cow<'static, str> = name;
        let key = HeaderName::try_from(format!("ce-{name}"))
            .map_err(|_| format!("its attribute `{name}` cannot be a header"))?;
        let value = HeaderValue::try_from(&*header_value(value)).expect("it is printable ASCII");
        Ok::<_, Unwritable>((key, value))
    };
    let headers = attributes.iter().map(header).collect::<Result<_, _>>()?;
    let content_type = HeaderValue::try_from(&*message.event.content_type)
        .map_err(|_| "its content type cannot be a header".to_owned())?;
    Ok(Written { content_type, headers, body: message.event.data.clone() })
}
