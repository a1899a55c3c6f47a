//! Streams of events, and how they end.

use crate::client::get;
use axum::body::BodyDataStream;
use axum::extract::FromRequestParts;
use axum::http::Request;
use axum::{Router, body::Body, routing};
use futures_util::{Stream, StreamExt, stream};
use idp_application::{Error, ErrorKind};
use idp_http::{Edge, LastEventId, LiveEvent, Problem, Shutdown, live};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

type Events = std::pin::Pin<Box<dyn Stream<Item = Result<LiveEvent, Error>> + Send>>;

async fn open(
    events: impl Fn() -> Events + Clone + Send + Sync + 'static,
    shutdown: &Shutdown,
) -> BodyDataStream {
    let shutdown = shutdown.clone();
    let routes = Router::new().route("/", routing::get(async move || live(events(), &shutdown)));
    let request = get("/").body(Body::empty()).expect("a request");
    let response = Edge::default().wrap(routes).oneshot(request).await.expect("it is answered");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

async fn next(body: &mut BodyDataStream) -> Option<String> {
    let chunk = body.next().await?.expect("the stream does not break");
    Some(String::from_utf8(chunk.into()).expect("it is UTF-8"))
}

fn event(id: u64) -> Result<LiveEvent, Error> {
    LiveEvent::json(id, &json!({ "number": id }))
}

#[tokio::test]
async fn events_are_json_with_an_id_and_end_with_their_source() {
    let events = || stream::iter([event(1), event(2).map(|event| event.named("moved"))]).boxed();
    let mut body = open(events, &Shutdown::default()).await;
    assert_eq!(next(&mut body).await.as_deref(), Some("id: 1\ndata: {\"number\":1}\n\n"));
    let second = next(&mut body).await.expect("a second event");
    assert_eq!(second, "id: 2\ndata: {\"number\":2}\nevent: moved\n\n");
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_a_heartbeat_every_15_seconds() {
    let mut body = open(|| stream::pending().boxed(), &Shutdown::default()).await;
    let begin = Instant::now();
    for beat in 1..=3 {
        assert_eq!(next(&mut body).await.as_deref(), Some(":\n\n"));
        assert_eq!(begin.elapsed().as_secs(), beat * 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_after_15_minutes_so_that_it_does_not_outlive_its_token() {
    let mut body = open(|| stream::pending().boxed(), &Shutdown::default()).await;
    let begin = Instant::now();
    while next(&mut body).await.is_some() {
        assert!(begin.elapsed() <= Duration::from_secs(15 * 60));
    }
    assert_eq!(begin.elapsed().as_secs(), 15 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_service_stops() {
    let shutdown = Shutdown::default();
    let mut running = open(|| stream::pending().boxed(), &shutdown).await;
    let begin = Instant::now();
    let (end, ()) = tokio::join!(next(&mut running), async { shutdown.begin() });
    assert_eq!(end, None);
    let mut late = open(|| stream::pending().boxed(), &shutdown).await;
    assert_eq!(next(&mut late).await, None, "one that begins too late ends at once");
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn an_error_is_told_without_its_cause_and_ends_the_stream() {
    let failed = || Err(Error::new(ErrorKind::Unavailable, "read", "db-9 is down"));
    let events = move || stream::iter([event(1), failed(), event(2)]).boxed();
    let mut body = open(events, &Shutdown::default()).await;
    next(&mut body).await.expect("the first event");
    let last = next(&mut body).await.expect("the problem");
    assert!(last.contains("event: problem") && last.contains("\"code\":\"unavailable\""), "{last}");
    assert!(!last.contains("db-9"));
    assert_eq!(next(&mut body).await, None);
}

#[test]
fn an_id_that_would_break_the_stream_is_refused() {
    for id in ["a\nb", "a\rb", "a\0b"] {
        let error = LiveEvent::json(id, &()).expect_err("it cannot be sent");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

async fn last_seen(value: Option<&str>) -> Result<Option<u64>, Problem> {
    let request = Request::get("/");
    let request = match value {
        Some(value) => request.header("last-event-id", value),
        None => request,
    };
    let (mut parts, ()) = request.body(()).expect("a request").into_parts();
    LastEventId::from_request_parts(&mut parts, &()).await?.parse()
}

#[tokio::test]
async fn a_client_says_which_event_it_saw_last() {
    assert_eq!(last_seen(None).await.expect("none is fine"), None);
    assert_eq!(last_seen(Some("")).await.expect("empty is none"), None);
    assert_eq!(last_seen(Some("17")).await.expect("an id"), Some(17));
    let problem = last_seen(Some("seventeen")).await.expect_err("not an id");
    assert_eq!((problem.status().as_u16(), problem.code()), (400, "malformed_last_event_id"));
}
