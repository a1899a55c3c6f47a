//! The page that shows the description to people. It needs nothing from outside, and nothing that
//! a strict content security policy forbids.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;

const HTML: &str = include_str!("docs.html");
const SCRIPT: &str = include_str!("docs.js");
const STYLE: &str = include_str!("docs.css");

/// The document, the page, its script and its style.
pub(super) fn docs_routes<S: Clone + Send + Sync + 'static>(document: &Value) -> Router<S> {
    let document = document.to_string();
    Router::new()
        .route("/openapi.json", get(async || file("application/json", document)))
        .route("/docs", get(async || file("text/html; charset=utf-8", HTML)))
        .route("/docs.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/docs.css", get(async || file("text/css; charset=utf-8", STYLE)))
}

fn file(media_type: &'static str, text: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")], text)
}
