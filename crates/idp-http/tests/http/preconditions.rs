//! Versions as entity tags, and `If-Match` through a router.

use crate::client::{Answer, get, send};
use axum::http::Request;
use axum::{Router, routing};
use idp_http::{IfMatch, Json, Problem, VersionTag};

/// A thing that is at version 3 and cannot be changed for long.
fn routes() -> Router {
    let read = async || (VersionTag(3), Json("north"));
    let change = async |precondition: IfMatch| precondition.check(3);
    Router::new()
        .route("/plan", routing::get(read).put(change))
        .route("/strict", routing::put(demanding))
}

async fn demanding(precondition: IfMatch) -> Result<(), Problem> {
    precondition.require()?.check(3)
}

async fn put(path: &str, if_match: Option<&str>) -> Answer {
    let request = Request::put(path);
    let request = match if_match {
        Some(value) => request.header("if-match", value),
        None => request,
    };
    send(routes(), request.body("").expect("a request")).await
}

#[tokio::test]
async fn the_tag_of_an_answer_is_the_condition_of_the_next_change() {
    let answer = send(routes(), get("/plan").body("").unwrap()).await;
    assert_eq!(answer.header("etag"), Some("\"v3\""));
    assert_eq!(put("/plan", answer.header("etag")).await.status.as_u16(), 200);
}

#[tokio::test]
async fn each_form_of_the_header_has_its_answer() {
    let table = [
        (None, 200),
        (Some("*"), 200),
        (Some("\"v3\""), 200),
        (Some("\"v1\", \"v3\""), 200),
        (Some("\"v2\""), 412),
        (Some("W/\"v3\""), 412),
        (Some("\"foreign\""), 412),
        (Some("v3"), 400),
        (Some("\"v3"), 400),
        (Some(""), 400),
    ];
    for (if_match, status) in table {
        let answer = put("/plan", if_match).await;
        assert_eq!(answer.status.as_u16(), status, "{if_match:?}");
    }
    assert_eq!(put("/plan", Some("\"v2\"")).await.problem(), "precondition_failed");
    assert_eq!(put("/plan", Some("v3")).await.problem(), "malformed_if_match");
}

#[tokio::test]
async fn an_operation_can_demand_a_condition() {
    let answer = put("/strict", None).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (428, "precondition_required"));
    assert_eq!(put("/strict", Some("\"v3\"")).await.status.as_u16(), 200);
    assert_eq!(put("/strict", Some("\"v4\"")).await.status.as_u16(), 412);
}
