//! The W3C trace context that a request belongs to.

use axum::http::{HeaderMap, HeaderName};
use std::fmt;

/// A valid `traceparent` of version 00 (W3C Trace Context, section 3.2), in the form in which it
/// was sent. An invalid one, or more than one, is as none: the specification has a new trace begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// The header that carries it.
    pub const HEADER: HeaderName = HeaderName::from_static("traceparent");

    /// The trace context of a request, if it has a valid one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(Self::HEADER).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() { None } else { Self::parse(value) }
    }

    /// Of a higher version, the part that version 00 defines is kept, as section 4.3 asks.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('-').collect();
        let [version, trace, parent, flags, rest @ ..] = fields.as_slice() else { return None };
        let sized = [(version, 2), (trace, 32), (parent, 16), (flags, 2)];
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let well_formed = sized.iter().all(|(text, size)| text.len() == *size && is_hex(text));
        let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
        let known = *version != "ff" && (*version != "00" || rest.is_empty());
        (well_formed && known && !is_zero(trace) && !is_zero(parent))
            .then(|| Self(format!("00-{trace}-{parent}-{flags}")))
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_context_is_kept_as_it_is() {
        assert_eq!(TraceParent::parse(VALID).expect("valid").as_str(), VALID);
    }

    #[test]
    fn of_a_later_version_the_known_part_is_kept() {
        let later = VALID.replacen("00-", "cc-", 1) + "-what-the-future-brings";
        assert_eq!(TraceParent::parse(&later).expect("valid").as_str(), VALID);
    }

    #[test]
    fn everything_else_begins_a_new_trace() {
        let table = [
            "",
            "00",
            &VALID.to_uppercase(),
            &VALID.replacen("00-", "ff-", 1),
            &format!("{VALID}-more"),
            &VALID[..VALID.len() - 1],
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319x-b7ad6b7169203331-01",
        ];
        for text in table {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_contexts_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(TraceParent::HEADER, VALID.parse().expect("a header value"));
        assert!(TraceParent::of(&headers).is_some());
        headers.append(TraceParent::HEADER, VALID.parse().expect("a header value"));
        assert_eq!(TraceParent::of(&headers), None);
    }
}
