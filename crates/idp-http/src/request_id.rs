//! The identity of a request, by which the client and the log of the service mean the same.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

/// The identity of one request: what the client sent as `X-Request-Id`, if that is 1 to 128
/// characters of letters, digits, `-`, `_`, `.` and `:`, else one drawn by the edge. It returns in
/// the header of the same name and as the `instance` of a problem, is in every line of the log,
/// and goes with the events of the request as the correlation id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The header that carries it in both directions.
    pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    const LENGTH_MAX: usize = 128;

    /// The identity that the client chose, if it chose an acceptable one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(Self::HEADER)?;
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
        let acceptable =
            (1..=Self::LENGTH_MAX).contains(&value.len()) && value.as_bytes().iter().all(allowed);
        acceptable.then(|| Self(value.clone()))
    }

    pub(crate) fn drawn(id: idp_domain::Uuid) -> Self {
        Self(HeaderValue::try_from(id.to_string()).expect("a UUID is ASCII"))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("the constructors let only ASCII in")
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header value");
        RequestId::of(&HeaderMap::from_iter([(RequestId::HEADER, value)])).map(|id| id.to_string())
    }

    #[test]
    fn a_plain_identity_is_kept() {
        for text in ["a", "0197-f_x.y:z", &"x".repeat(128)] {
            assert_eq!(of(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_could_forge_a_log_line_is_not() {
        for text in ["", " ", "a b", "a\tb", "ä", "a\"b", "<x>", &"x".repeat(129)] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }
}
