//! Whatever goes wrong, and wherever: the answer is a problem.

use crate::client::{get, post, send};
use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing;
use idp_application::{Error, ErrorKind};
use idp_http::{Json, Path, Problem, Query, RequestId};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    size: Option<u32>,
}

fn routes() -> Router {
    Router::new()
        .route("/plans", routing::post(async |Json(plan): Json<Plan>| plan.name))
        .route("/plans/{number}", routing::get(async |Path(number): Path<u32>| number.to_string()))
        .route(
            "/list",
            routing::get(async |Query(filter): Query<Filter>| {
                filter.size.unwrap_or_default().to_string()
            }),
        )
        .route("/panic", routing::get(panicking))
        .route(
            "/corrupt",
            routing::get(async || -> Result<(), Problem> {
                Err(Error::new(ErrorKind::Corrupt, "load", "row 7 of db-9 is damaged"))?
            }),
        )
        .route("/raw", routing::get(async || (StatusCode::BAD_GATEWAY, "upstream db-9 is down")))
        .route("/utf8", routing::post(async |text: String| text))
}

async fn panicking() -> &'static str {
    panic!("the password is hunter2")
}

#[tokio::test]
async fn a_good_request_is_answered_as_the_handler_says() {
    let answer = send(routes(), post("/plans").body(r#"{"name":"north"}"#).unwrap()).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "north"));
    let answer = send(routes(), get("/list?size=7").body("").unwrap()).await;
    assert_eq!(answer.text, "7");
    let answer = send(routes(), get("/plans/7").body("").unwrap()).await;
    assert_eq!(answer.text, "7");
}

#[tokio::test]
async fn a_wrong_body_is_a_problem_that_says_where() {
    let table = [
        ("{", "application/json", 400, "malformed_json"),
        (r#"{"name":7}"#, "application/json", 422, "invalid_body"),
        (r#"{"name":"a","x":1}"#, "application/merge-patch+json", 422, "invalid_body"),
        (r#"{"name":"a"}"#, "text/plain", 415, "unsupported_media_type"),
    ];
    for (body, media_type, status, code) in table {
        let request = axum::http::Request::post("/plans").header(header::CONTENT_TYPE, media_type);
        let answer = send(routes(), request.body(body).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (status, code), "{body}");
    }
    let answer = send(routes(), post("/plans").body(r#"{"name":"a","x":1}"#).unwrap()).await;
    assert_eq!(answer.json()["errors"][0]["field"], "x");
}

#[tokio::test]
async fn a_wrong_path_or_query_is_a_problem() {
    let answer = send(routes(), get("/plans/seven").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "invalid_path"));
    assert_eq!(answer.json()["errors"][0]["message"], "expected u32, got \"seven\"");
    let answer = send(routes(), get("/list?siez=7").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "invalid_query"));
    assert_eq!(answer.json()["errors"][0]["field"], "siez");
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_are_problems() {
    let answer = send(routes(), get("/nowhere").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "no_such_path"));
    let answer = send(routes(), post("/list").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"), "what is allowed is still said");
}

#[tokio::test]
async fn an_error_that_is_no_problem_becomes_one_and_loses_its_text() {
    let answer = send(routes(), get("/raw").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (500, "internal"));
    assert!(!answer.text.contains("db-9"));
    let bytes = Body::from(vec![0xff]);
    let answer = send(routes(), post("/utf8").body(bytes).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "bad_request"));
}

#[tokio::test]
async fn a_panic_ends_its_own_request_only_and_its_text_stays_inside() {
    let answer = send(routes(), get("/panic").body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (500, "internal"));
    assert!(!answer.text.contains("hunter2"));
}

#[tokio::test]
async fn a_fault_of_the_server_shows_the_request_id_and_nothing_else() {
    let request = get("/corrupt").header("x-request-id", "r-17").body("").unwrap();
    let answer = send(routes(), request).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (500, "corrupt"));
    assert_eq!(answer.json()["instance"], "r-17");
    assert!(!answer.text.contains("db-9"));
}

#[tokio::test]
async fn an_acceptable_request_id_is_kept_and_any_other_replaced() {
    let seen = Router::new().route(
        "/",
        routing::get(async |id: axum::Extension<RequestId>| id.0.to_string().into_response()),
    );
    let request = get("/").header("x-request-id", "mine-1").body("").unwrap();
    let answer = send(seen.clone(), request).await;
    assert_eq!((answer.text.as_str(), answer.header("x-request-id")), ("mine-1", Some("mine-1")));
    for id in ["", "a b", "<script>"] {
        let request = get("/").header("x-request-id", id).body("").unwrap();
        let answer = send(seen.clone(), request).await;
        assert_eq!(Some(answer.text.as_str()), answer.header("x-request-id"));
        assert!(idp_domain::Uuid::parse_str(&answer.text).is_ok(), "{id:?}: {answer:?}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    for path in ["/plans/7", "/nowhere"] {
        let answer = send(routes(), get(path).body("").unwrap()).await;
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    let own = Router::new()
        .route("/", routing::get(async || ([(header::X_FRAME_OPTIONS, "SAMEORIGIN")], "")));
    let answer = send(own, get("/").body("").unwrap()).await;
    assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"), "a handler may differ");
}
