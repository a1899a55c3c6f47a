//! How large and how long a request may be.

use crate::client::{get, post, send_through};
use axum::body::{Body, Bytes};
use axum::{Extension, Router, routing};
use idp_http::{BodyLimit, Edge, Json};
use std::time::Duration;

fn routes() -> Router {
    let echo = async |Json(value): Json<serde_json::Value>| value.to_string();
    Router::new()
        .route("/small", routing::post(echo))
        .route("/large", routing::post(echo).layer(Extension(BodyLimit::bytes(64))))
        .route("/bytes", routing::post(async |bytes: Bytes| bytes.len().to_string()))
        .route("/for-ever", routing::get(std::future::pending::<()>))
        .route("/for-ever", routing::post(std::future::pending::<()>))
}

fn edge() -> Edge {
    Edge::default().body_limit(BodyLimit::bytes(8)).request_timeout(Duration::from_secs(5))
}

#[tokio::test]
async fn a_body_may_fill_the_limit_and_not_exceed_it() {
    for (path, fits, exceeds) in [("/small", 8, 9), ("/large", 64, 65), ("/bytes", 8, 9)] {
        let body = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        let answer = send_through(edge(), routes(), post(path).body(body(fits)).unwrap()).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let answer = send_through(edge(), routes(), post(path).body(body(exceeds)).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (413, "body_too_large"));
    }
}

#[tokio::test]
async fn a_problem_of_the_size_states_the_limit() {
    let request = post("/small").body("\"123456789\"").unwrap();
    let answer = send_through(edge(), routes(), request).await;
    assert_eq!(answer.json()["detail"], "The body may have at most 8 bytes");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_fault_of_the_client() {
    let chunks = [Ok("\"12"), Err(std::io::Error::other("connection reset"))];
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let answer = send_through(edge(), routes(), post("/small").body(body).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "body_incomplete"));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_too_long_may_be_tried_again() {
    let answer = send_through(edge(), routes(), get("/for-ever").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (504, "timeout"));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test(start_paused = true)]
async fn of_a_write_that_takes_too_long_the_outcome_is_unknown() {
    let answer = send_through(edge(), routes(), post("/for-ever").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (503, "outcome_unknown"));
    assert_eq!(answer.header("retry-after"), None);
}
