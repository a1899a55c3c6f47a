//! The W3C trace context (`www.w3.org/TR/trace-context`, level 1) in which something happens.

use crate::Context;
use idp_domain::{EventRecord, Metadata, Uuid};
use std::collections::HashSet;

/// A valid `traceparent` of version 00 with the `tracestate` that belongs to it.
///
/// Whoever is given an invalid `traceparent` gets none, and begins a new trace, as section 3.2.2 asks.
/// An invalid `tracestate` is dropped alone, as section 3.3.1 asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// `00-trace-parent-flags`, lower case.
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// The most characters of `tracestate` that are passed along: what every system must be able to.
    pub const STATE_LENGTH_MAX: usize = 512;

    /// Where the parts of a `traceparent` stand.
    const TRACE: std::ops::Range<usize> = 3..35;
    const SPAN: std::ops::Range<usize> = 36..52;

    /// The most entries of a `tracestate`.
    const STATE_ENTRIES_MAX: usize = 32;

    /// Entries longer than that are the first to be left out of a `tracestate` that is too long.
    const LONG_ENTRY: usize = 128;

    /// Of a `traceparent` and all the values of `tracestate`, in their order. `None` when the first is
    /// not valid. Of a version above 00 the part that version 00 defines is kept (section 4.3).
    ///
    /// ```
    /// use idp_application::TraceContext;
    ///
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let trace = TraceContext::parse(parent, ["congo=t61"]).expect("it is valid");
    /// assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    /// assert!(TraceContext::parse("00-no", []).is_none());
    /// ```
    pub fn parse<'t>(parent: &str, states: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        Some(Self { parent: parse_parent(parent)?, state: parse_state(states) })
    }

    /// A new trace, whose first span has the last eight bytes of the identity; it is said to be
    /// sampled. The identity is to be random where it matters, as one of UUID version 7 is: in its last
    /// bytes. `None` when its last eight bytes are zero.
    pub fn begin(id: Uuid) -> Option<Self> {
        let trace = id.simple().to_string();
        let span = &trace[16..];
        Self::parse(&format!("00-{trace}-{span}-01"), [])
    }

    /// The one that metadata of an event hold, if it is valid.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let text = |name: &str| metadata.get(name).map(String::as_str);
        Self::parse(text(EventRecord::TRACE_PARENT)?, text(EventRecord::TRACE_STATE))
    }

    /// Adds it to what goes with every event of a use case.
    pub fn add_to(&self, context: Context) -> Context {
        let context = context.with_metadata(EventRecord::TRACE_PARENT, self.parent());
        match self.state() {
            Some(state) => context.with_metadata(EventRecord::TRACE_STATE, state),
            None => context,
        }
    }

    /// The value of `traceparent`.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// The value of `tracestate`, if there is one.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The identity of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.parent[Self::TRACE]
    }

    /// The identity of the span that caused what happens: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.parent[Self::SPAN]
    }
}

fn parse_parent(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags, rest @ ..] = fields.as_slice() else { return None };
    let sized = [(version, 2), (trace, 32), (span, 16), (flags, 2)];
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = sized.iter().all(|(text, size)| text.len() == *size && is_hex(text));
    let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
    let known = *version != "ff" && (*version != "00" || rest.is_empty());
    (well_formed && known && !is_zero(trace) && !is_zero(span))
        .then(|| format!("00-{trace}-{span}-{flags}"))
}

/// The entries in their order. What is longer than the bound loses its long entries, then the last
/// ones (section 3.3.1.5). `None` when one is malformed or there twice, or there are too many.
fn parse_state<'t>(values: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let entries = values.into_iter().flat_map(|value| value.split(',')).map(trim);
    let mut entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
    let mut keys = HashSet::new();
    let are_fresh = entries.iter().all(|entry| key_of(entry).is_some_and(|key| keys.insert(key)));
    if entries.len() > TraceContext::STATE_ENTRIES_MAX || !are_fresh {
        return None;
    }
    let length = |entries: &[&str]| {
        entries.iter().map(|entry| entry.len()).sum::<usize>() + entries.len().saturating_sub(1)
    };
    if length(&entries) > TraceContext::STATE_LENGTH_MAX {
        entries.retain(|entry| entry.len() <= TraceContext::LONG_ENTRY);
    }
    while length(&entries) > TraceContext::STATE_LENGTH_MAX {
        entries.pop();
    }
    (!entries.is_empty()).then(|| entries.join(","))
}

fn trim(entry: &str) -> &str {
    entry.trim_matches([' ', '\t'])
}

/// The key of a well-formed entry (section 3.3.1.3).
fn key_of(entry: &str) -> Option<&str> {
    let (key, value) = entry.split_once('=')?;
    let is_simple = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let is_part = |part: &str, length_max: usize, may_begin_with_digit: bool| {
        let first = part.bytes().next();
        let begins = first.is_some_and(|b| {
            b.is_ascii_lowercase() || (may_begin_with_digit && b.is_ascii_digit())
        });
        begins && part.len() <= length_max && part.bytes().all(is_simple)
    };
    let is_key = match key.split_once('@') {
        Some((tenant, system)) => is_part(tenant, 241, true) && is_part(system, 14, false),
        None => is_part(key, 256, false),
    };
    let is_value = |b: u8| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=';
    let is_valid = is_key && (1..=256).contains(&value.len()) && value.bytes().all(is_value);
    is_valid.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parent(text: &str) -> Option<String> {
        TraceContext::parse(text, []).map(|trace| trace.parent)
    }

    fn state(values: &[&str]) -> Option<String> {
        TraceContext::parse(VALID, values.iter().copied()).expect("a valid parent").state
    }

    #[test]
    fn a_valid_context_is_kept_as_it_is() {
        let trace = TraceContext::parse(VALID, ["congo=t61,rojo=00f0"]).expect("valid");
        assert_eq!(trace.parent(), VALID);
        assert_eq!(trace.state(), Some("congo=t61,rojo=00f0"));
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.span_id(), "b7ad6b7169203331");
    }

    #[test]
    fn of_a_later_version_the_known_part_is_kept() {
        let later = VALID.replacen("00-", "cc-", 1) + "-what-the-future-brings";
        assert_eq!(parent(&later).as_deref(), Some(VALID));
    }

    #[test]
    fn every_other_parent_is_none() {
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
            assert_eq!(parent(text), None, "{text}");
        }
    }

    #[test]
    fn several_states_are_one_list() {
        let joined = state(&["a=1 , b=2", "", "t1@sys=3,,"]);
        assert_eq!(joined.as_deref(), Some("a=1,b=2,t1@sys=3"));
    }

    #[test]
    fn a_malformed_state_is_dropped_and_the_parent_stays() {
        let many: Vec<String> = (0..33).map(|n| format!("k{n}=v")).collect();
        let long = format!("a={}", "v".repeat(257));
        let table = ["a", "A=1", "a=", "=1", "a=1=2", "1a=2", "a=ä", "a=1,a=2", "1t@1s=x", &long];
        for text in table.into_iter().chain([many.join(",").as_str()]) {
            assert_eq!(state(&[text]), None, "{text}");
        }
    }

    #[test]
    fn a_state_that_is_too_long_loses_its_long_entries_and_then_the_last_ones() {
        let long = format!("long={}", "v".repeat(200));
        let short: Vec<String> = (0..30).map(|n| format!("k{n}={}", "v".repeat(30))).collect();
        let found = state(&[&long, &short.join(",")]).expect("some are left");
        assert!(found.len() <= TraceContext::STATE_LENGTH_MAX && found.len() > 450, "{found}");
        assert!(found.starts_with("k0=") && !found.contains("long="), "{found}");
        assert_eq!(state(&[&long]).as_deref(), Some(long.as_str()), "alone it fits");
    }

    #[test]
    fn a_new_trace_is_that_of_the_identity() {
        let id = Uuid::from_u128(0x0199_0000_0000_7000_8123_4567_89ab_cdef);
        let trace = TraceContext::begin(id).expect("it is not zero");
        assert_eq!(trace.parent(), "00-01990000000070008123456789abcdef-8123456789abcdef-01");
        assert_eq!(TraceContext::begin(Uuid::nil()), None);
    }
}
