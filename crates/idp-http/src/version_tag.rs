//! The version of an aggregate as the entity tag of its representation.

use crate::Problem;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};
use std::fmt;

/// The strong entity tag `"v3"` of version 3. Put it in front of a body to send it as `ETag`:
/// `(VersionTag(3), Json(plan))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionTag(pub i64);

impl VersionTag {
    /// The version in an opaque tag without its quotes; `None` when it is not one of ours. There
    /// is one text for each version: `v03` and `v+3` are not version 3.
    pub(crate) fn parse(opaque: &str) -> Option<Self> {
        let version: i64 = opaque.strip_prefix('v')?.parse().ok()?;
        (opaque == format!("v{version}")).then_some(Self(version))
    }
}

impl fmt::Display for VersionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"v{}\"", self.0)
    }
}

impl IntoResponseParts for VersionTag {
    type Error = Problem;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Problem> {
        let value = HeaderValue::try_from(self.to_string()).expect("a number is ASCII");
        parts.headers_mut().insert(header::ETAG, value);
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_reads_back_and_has_one_text() {
        assert_eq!(VersionTag(3).to_string(), "\"v3\"");
        assert_eq!(VersionTag::parse("v3"), Some(VersionTag(3)));
        for other in ["", "3", "v", "v03", "v+3", "v3 ", "V3", "v99999999999999999999"] {
            assert_eq!(VersionTag::parse(other), None, "{other}");
        }
    }
}
