//! "Only if nobody changed it since I looked": the precondition `If-Match` (RFC 9110, section 13.1.1).

use crate::{Problem, VersionTag};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

/// The precondition of a request.
///
/// A header that does not have the form of RFC 9110 is refused with 400. Comparison is strong, as
/// section 13.1.1 demands: a weak tag (`W/"v3"`) is well formed and matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(Condition);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// No header.
    None,
    /// `*`: any version, as long as the thing exists.
    Any,
    /// The versions of the strong tags that are ours. Tags of others match nothing.
    OneOf(Vec<VersionTag>),
}

impl IfMatch {
    /// Whether the client stated a condition.
    pub fn is_present(&self) -> bool {
        self.0 != Condition::None
    }

    /// 428 when the client stated no condition: for operations that must not overwrite blindly.
    pub fn require(self) -> Result<Self, Problem> {
        if self.is_present() {
            return Ok(self);
        }
        let detail = "State the version that you have seen: `If-Match: \"v...\"`, as in the `ETag`";
        Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", detail))
    }

    /// 412 unless the condition holds for something that exists in that version. Without a
    /// condition it holds.
    ///
    /// Check it inside of the unit of work, on the version that was loaded: then the version check
    /// of the commit closes the gap between looking and writing.
    pub fn check(&self, version: i64) -> Result<(), Problem> {
        let holds = match &self.0 {
            Condition::None | Condition::Any => true,
            Condition::OneOf(tags) => tags.contains(&VersionTag(version)),
        };
        if holds {
            return Ok(());
        }
        let detail = format!("It is now at version {version}: read it again before you change it");
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail))
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(header::IF_MATCH).iter().peekable();
        if lines.peek().is_none() {
            return Some(Self(Condition::None));
        }
        let lines: Option<Vec<&str>> = lines.map(|line| line.to_str().ok()).collect();
        let list = lines?.join(",");
        if list.trim() == "*" {
            return Some(Self(Condition::Any));
        }
        tags(&list).map(Condition::OneOf).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers).ok_or_else(|| {
            let detail = "`If-Match` must be `*` or a list of entity tags such as `\"v3\"`";
            Problem::bad_request("malformed_if_match", detail)
        })
    }
}

/// The strong tags of ours in a list of at least one entity tag; `None` when it is not one.
fn tags(list: &str) -> Option<Vec<VersionTag>> {
    let (mut rest, mut ours, mut count) = (list, Vec::new(), 0);
    loop {
        // Empty elements of a list are ignored (RFC 9110, section 5.6.1.2).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (count > 0).then_some(ours);
        }
        let (is_weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        if !opaque.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e)) {
            return None;
        }
        if !is_weak {
            ours.extend(VersionTag::parse(opaque));
        }
        count += 1;
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<IfMatch> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, line.parse().expect("a header value"));
        }
        IfMatch::of(&headers)
    }

    #[test]
    fn a_condition_holds_for_the_versions_it_names() {
        let table: [(&[&str], bool, bool); 11] = [
            (&[], true, true),
            (&["*"], true, true),
            (&["\"v3\""], true, false),
            (&["\"v4\""], false, true),
            (&["\"v2\", \"v3\""], true, false),
            (&["\"v3\"", "\"v4\""], true, true),
            (&[", \"v3\" ,\t,"], true, false),
            (&["W/\"v3\""], false, false),
            (&["W/\"v3\", \"v4\""], false, true),
            (&["\"of,others\"", "\"v03\""], false, false),
            (&["\"\""], false, false),
        ];
        for (lines, at_3, at_4) in table {
            let condition = of(lines).expect("well formed");
            assert_eq!(condition.check(3).is_ok(), at_3, "{lines:?} at version 3");
            assert_eq!(condition.check(4).is_ok(), at_4, "{lines:?} at version 4");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_malformed() {
        for line in ["", ",", "v3", "\"v3", "\"v3\" \"v4\"", "w/\"v3\"", "*, \"v3\"", "\"a b\""] {
            assert_eq!(of(&[line]), None, "{line}");
        }
    }

    #[test]
    fn the_problems_have_their_own_codes() {
        let failed = of(&["\"v1\""]).expect("well formed").check(2).expect_err("stale");
        assert_eq!((failed.status().as_u16(), failed.code()), (412, "precondition_failed"));
        let missing = of(&[]).expect("well formed").require().expect_err("absent");
        assert_eq!((missing.status().as_u16(), missing.code()), (428, "precondition_required"));
        assert!(of(&["*"]).expect("well formed").require().is_ok());
    }
}
