//! The span of a send, by OpenTelemetry's conventions for messaging, and the traces that it belongs to.

use crate::Target;
use idp_application::{Message, PublishError, TraceContext};
use std::collections::BTreeSet;
use tracing::Span;
use tracing::field::Empty;

/// The most creation contexts that a span names; OpenTelemetry's own bound is 128.
const LINKS_MAX: usize = 32;

/// The span of sending these messages. A disabled one costs nothing.
///
/// Messages of one creation context make it a child of that; otherwise an event of the span links to
/// each of them. Each message keeps the creation context that it was committed with.
pub(crate) fn of(target: &Target, messages: &[Message]) -> Span {
    let span = tracing::info_span!(
        "send",
        otel.name = Empty,
        otel.kind = "producer",
        messaging.system = Empty,
        messaging.destination.name = Empty,
        messaging.destination.template = Empty,
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.batch.message_count = messages.len(),
        target.name = target.name(),
        trace_id = Empty,
        parent_span_id = Empty,
        error.type = Empty,
    );
    if !span.is_disabled() {
        describe(&span, target, messages);
    }
    span
}

fn describe(span: &Span, target: &Target, messages: &[Message]) {
    let (_, system, template) = target.signature();
    span.record("messaging.system", system);
    span.record("messaging.destination.template", template);
    match destination(messages) {
        Some(topic) => {
            span.record("messaging.destination.name", topic);
            span.record("otel.name", format!("send {topic}"));
        }
        None => {
            span.record("otel.name", format!("send {template}"));
        }
    }
    let mut known = BTreeSet::new();
    let traces = messages.iter().filter_map(|message| TraceContext::of(&message.event.metadata));
    let traces: Vec<TraceContext> =
        traces.filter(|trace| known.insert(trace.parent().to_owned())).take(LINKS_MAX).collect();
    if let [trace] = traces.as_slice() {
        span.record("trace_id", trace.trace_id());
        span.record("parent_span_id", trace.span_id());
        return;
    }
    for trace in &traces {
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        tracing::debug!(parent: span, trace_id, span_id, "linked to where a message was created");
    }
}

/// The topic that all of them go to, if it is one.
fn destination(messages: &[Message]) -> Option<&str> {
    let (first, rest) = messages.split_first()?;
    rest.iter().all(|message| message.topic == first.topic).then_some(&first.topic)
}

/// The send has ended.
pub(crate) fn ended(span: &Span, refusal: Option<&PublishError>) {
    if let Some(refusal) = refusal {
        span.record("error.type", refusal.failure.code());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sample;
    use idp_application::PublishFailure;

    #[test]
    fn a_span_that_nobody_wants_is_disabled() {
        assert!(of(&sample::target(), &[]).is_disabled());
    }

    #[test]
    fn failures_have_names_that_do_not_change() {
        let failures = [
            (PublishFailure::Unavailable, "unavailable"),
            (PublishFailure::Throttled(None), "throttled"),
            (PublishFailure::TopicUnavailable(None), "topic_unavailable"),
            (PublishFailure::Refused, "refused"),
            (PublishFailure::Fenced, "fenced"),
        ];
        for (failure, code) in failures {
            assert_eq!(failure.code(), code);
        }
    }
}
