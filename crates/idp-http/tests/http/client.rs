//! Sends requests into a router, and reads what comes back.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, request};
use idp_http::Edge;
use serde_json::Value;
use tower::ServiceExt;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("the header is ASCII"))
    }

    /// Checks that it is a complete problem, and gives its code.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{self:?}");
        assert_eq!(body["instance"].as_str(), self.header("x-request-id"), "{self:?}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        let code = body["code"].as_str().expect("a code").to_owned();
        assert_eq!(body["type"], format!("urn:idp:problem:{code}"));
        code
    }
}

pub(crate) fn get(path: &str) -> request::Builder {
    Request::get(path)
}

pub(crate) fn post(path: &str) -> request::Builder {
    Request::post(path).header("content-type", "application/json")
}

/// Through an edge as it is by default.
pub(crate) async fn send(routes: Router, request: Request<impl Into<Body>>) -> Answer {
    send_through(Edge::default(), routes, request).await
}

pub(crate) async fn send_through(
    edge: Edge,
    routes: Router,
    request: Request<impl Into<Body>>,
) -> Answer {
    let request = request.map(Into::into);
    let response = edge.wrap(routes).oneshot(request).await.expect("a router does not fail");
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("the body is complete");
    let text = String::from_utf8(bytes.into()).expect("the body is UTF-8");
    Answer { status: head.status, headers: head.headers, text }
}
