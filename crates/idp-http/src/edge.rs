//! What every request passes on its way in and every answer on its way out.

use crate::{BodyLimit, Problem, RequestId, security_headers, trace};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use idp_application::{Clock, IdSource, SystemClock, TraceContext, UuidV7Ids};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Wraps the routes of a service.
///
/// Every request gets a [`RequestId`], a trace, a span of the log, a time limit and a limit on its body.
/// The trace is the one of its W3C trace context (`traceparent`, `tracestate`) where that is valid, and
/// else begins here; it goes with the events of the request.
/// Every answer carries the request's id and the [security headers](crate::security_headers), and
/// every answer that is an error is a [`Problem`], whoever made it: an unknown path, a method that
/// is not allowed, an extractor of axum, or a panic (which is logged, and ends nothing but its own
/// request).
#[derive(Clone)]
pub struct Edge {
    body_limit: BodyLimit,
    request_timeout: Duration,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Default for Edge {
    /// Bodies of up to 1 MiB, 30 seconds for a request.
    fn default() -> Self {
        Self {
            body_limit: BodyLimit::default(),
            request_timeout: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidV7Ids::default()),
        }
    }
}

impl Edge {
    /// Limits the body of every request.
    pub fn body_limit(mut self, limit: BodyLimit) -> Self {
        self.body_limit = limit;
        self
    }

    /// Limits the time from the head of a request to the head of its answer; a stream that follows
    /// is not limited by it. A request that takes longer is dropped where it stands: reads answer
    /// 504, and anything else 503 `outcome_unknown`, for it may have been committing.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Draws the ids of requests from another source.
    pub fn ids(mut self, ids: Arc<dyn IdSource>, clock: Arc<dyn Clock>) -> Self {
        self.ids = ids;
        self.clock = clock;
        self
    }

    /// The routes, with everything that this type promises. It must be the outermost layer.
    pub fn wrap(self, routes: Router) -> Router {
        routes
            .layer(DefaultBodyLimit::max(self.body_limit.get()))
            .layer(middleware::from_fn_with_state(self, pass))
            .layer(middleware::from_fn(security_headers))
    }
}

async fn pass(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers())
        .unwrap_or_else(|| RequestId::drawn(edge.ids.next(edge.clock.now())));
    let trace = trace::of_arrival(request.headers(), &*edge.ids, &*edge.clock);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!(
        "request", %id, %method, path, otel.kind = "server",
        trace_id = trace.as_ref().map(TraceContext::trace_id),
        parent_span_id = trace.as_ref().map(TraceContext::span_id),
    );
    if let Some(trace) = trace {
        request.extensions_mut().insert(trace);
    }
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(edge.body_limit);
    let answer = answer(&edge, request, next).instrument(span.clone()).await;
    let mut answer = span.in_scope(|| complete(answer, &id, &method, &path));
    answer.headers_mut().insert(RequestId::HEADER, id.header_value());
    answer
}

/// The answer of the routes, or what is told when there is none.
async fn answer(edge: &Edge, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(edge.request_timeout, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => {
            tracing::error!(panic = message_of(panic.as_ref()), "the request panicked");
            Problem::internal().into_response()
        }
        Err(_) => {
            tracing::warn!(limit = ?edge.request_timeout, "the request took too long");
            let problem = if is_read { Problem::timeout() } else { Problem::outcome_unknown() };
            problem.into_response()
        }
    }
}

/// Makes a problem of every error, and puts the id of the request into it.
fn complete(mut answer: Response, id: &RequestId, method: &Method, path: &str) -> Response {
    let status = answer.status();
    tracing::debug!(status = status.as_u16(), "answered");
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let problem = answer.extensions_mut().remove::<Problem>();
    let problem = problem.unwrap_or_else(|| bare(status, method, path)).with_instance(id.as_str());
    let mut completed = problem.into_response();
    for (name, value) in answer.headers() {
        let describes_the_body = name == header::CONTENT_TYPE || name == header::CONTENT_LENGTH;
        if !describes_the_body && !completed.headers().contains_key(name) {
            completed.headers_mut().append(name, value.clone());
        }
    }
    completed
}

/// The problem behind an error that is only a status.
fn bare(status: StatusCode, method: &Method, path: &str) -> Problem {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("no_such_path", format!("There is nothing at {path}")),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", format!("{path} does not take {method}"))
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("body_too_large", "The body exceeds the limit".to_string())
        }
        _ if status.is_server_error() => return Problem::internal(),
        _ => ("bad_request", "The request cannot be understood".to_string()),
    };
    Problem::new(status, code, detail)
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
