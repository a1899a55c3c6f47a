//! The W3C trace context that a request belongs to.

use axum::http::{Extensions, HeaderMap, HeaderName};
use idp_application::{Clock, IdSource, TraceContext};

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// The context that the headers carry, if they carry a valid one. Two of `traceparent` are none;
/// several of `tracestate` are one list.
fn of_headers(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACE_PARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    // One that is not text makes the list invalid, and the list alone.
    let states = headers.get_all(TRACE_STATE).iter();
    let states: Option<Vec<&str>> = states.map(|state| state.to_str().ok()).collect();
    TraceContext::parse(parent, states.unwrap_or_default())
}

/// The context of a request that comes in: the one it carries, or a new trace, which begins here.
pub(crate) fn of_arrival(
    headers: &HeaderMap,
    ids: &dyn IdSource,
    clock: &dyn Clock,
) -> Option<TraceContext> {
    of_headers(headers).or_else(|| TraceContext::begin(ids.next(clock.now())))
}

/// The context of a request that the edge let in, or that came another way.
pub(crate) fn of_request(extensions: &Extensions, headers: &HeaderMap) -> Option<TraceContext> {
    extensions.get::<TraceContext>().cloned().or_else(|| of_headers(headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use idp_application::{SequentialIds, SystemClock};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(parents: &[&str], states: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in [(TRACE_PARENT, parents), (TRACE_STATE, states)] {
            for value in values {
                headers.append(&name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            }
        }
        headers
    }

    #[test]
    fn the_headers_of_a_state_are_one_list() {
        let trace = of_headers(&headers(&[PARENT], &["a=1,b=2", "c=3"])).expect("valid");
        assert_eq!((trace.parent(), trace.state()), (PARENT, Some("a=1,b=2,c=3")));
        let trace = of_headers(&headers(&[PARENT], &["a=1", "ä"])).expect("the parent is valid");
        assert_eq!(trace.state(), None);
    }

    #[test]
    fn two_parents_are_none() {
        assert_eq!(of_headers(&headers(&[PARENT, PARENT], &["a=1"])), None);
    }

    #[test]
    fn a_request_without_a_valid_context_begins_a_new_trace() {
        let ids = SequentialIds::default();
        for parents in [&[][..], &["nonsense"], &[PARENT, PARENT]] {
            let trace = of_arrival(&headers(parents, &["a=1"]), &ids, &SystemClock);
            let trace = trace.expect("it begins one");
            assert_ne!(trace.parent(), PARENT);
            assert_eq!(trace.state(), None, "what came belongs to another trace");
        }
    }
}
