//! What the answers of an endpoint mean, and what its silence means.

use crate::support::messages::{message, stream};
use crate::support::subscriber::Reply;
use crate::support::{Fixture, endpoint};
use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use idp_application::PublishFailure::{Refused, TopicUnavailable};
use idp_application::{ErrorKind, EventBus as _, PublishError, PublishFailure};
use idp_webhook::{Absence, EndpointState, WebhookConfig};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(20);

/// Of this endpoint, without a word of how long.
const AWAY: PublishFailure = TopicUnavailable(None);

async fn failed(fixture: &Fixture) -> PublishError {
    let call = timeout(SOON, async { fixture.bus.publish(&[message(1)]).await });
    call.await.expect("it ends").expect_err("it fails")
}

#[tokio::test]
async fn answers_are_classified() {
    let fixture = Fixture::start().await;
    let table = [
        (400, Refused),
        (401, AWAY),
        (404, AWAY),
        (413, Refused),
        (429, AWAY),
        (500, AWAY),
        (503, AWAY),
    ];
    for (status, expected) in table {
        fixture.subscriber.reply([Reply::Status(status)]);
        let error = failed(&fixture).await;
        assert_eq!((error.accepted, error.failure), (0, expected), "{status}");
        assert!(error.error.message().contains(&status.to_string()), "{error}");
    }
    fixture.bus.publish(&[message(1)]).await.expect("it answers 204 again");
}

#[tokio::test]
async fn an_endpoint_says_for_how_long_it_wants_to_be_spared() {
    for (value, pause) in [("7", 7), ("99999", 3_600), ("Sun, 06 Nov 1994 08:49:37 GMT", 0)] {
        let fixture = Fixture::start().await;
        fixture.subscriber.reply([Reply::Header(429, "retry-after", value.into())]);
        let pause = Some(Duration::from_secs(pause));
        assert_eq!(failed(&fixture).await.failure, TopicUnavailable(pause));
    }
}

/// Nobody asks it again before its time, from whatever lane; and nobody else waits because of it.
#[tokio::test]
async fn an_endpoint_that_asks_to_be_spared_is_not_asked_again_and_slows_no_other() {
    let fixture = Fixture::start().await;
    fixture.endpoints.put("others", endpoint(&fixture.subscriber.url("/others")));
    fixture.subscriber.reply([Reply::Header(503, "retry-after", "3600".into())]);
    assert_eq!(failed(&fixture).await.failure, TopicUnavailable(Some(Duration::from_secs(3_600))));
    for lane in 4..8 {
        let mut message = message(2);
        message.stream = stream(lane);
        let error = fixture.bus.publish(&[message.clone()]).await.expect_err("it is spared");
        let TopicUnavailable(Some(pause)) = error.failure else { panic!("{error:?}") };
        assert!(pause > Duration::from_secs(3_500), "{pause:?}");
        message.topic = "others".into();
        fixture.bus.publish(&[message]).await.expect("it has nothing to do with it");
    }
    let paths: Vec<_> = fixture.subscriber.deliveries().into_iter().map(|one| one.path).collect();
    assert_eq!(paths, ["/orders", "/others", "/others", "/others", "/others"]);
    fixture.endpoints.put("orders", endpoint(&fixture.subscriber.url("/moved")));
    fixture.bus.publish(&[message(3)]).await.expect("a new URL is tried at once");
}

/// One at a time, and not for ever: it works again by itself.
#[tokio::test]
async fn an_endpoint_that_is_down_is_tried_now_and_then() {
    let fixture = Fixture::start().await;
    fixture.subscriber.reply((0..5).map(|_| Reply::Status(404)));
    for _ in 0..5 {
        assert_eq!(failed(&fixture).await.failure, AWAY);
    }
    let TopicUnavailable(Some(pause)) = failed(&fixture).await.failure else { panic!("spared") };
    assert!(pause <= Duration::from_secs(1), "{pause:?}");
    assert_eq!(fixture.subscriber.deliveries().len(), 5);
    let back = async { while fixture.bus.publish(&[message(1)]).await.is_err() {} };
    timeout(SOON, back).await.expect("it is tried again");
    fixture.bus.publish(&[message(2)]).await.expect("it is spared no more");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let fixture = Fixture::start().await;
    let elsewhere = fixture.subscriber.url("/elsewhere");
    fixture.subscriber.reply([Reply::Header(307, "location", elsewhere)]);
    assert_eq!(failed(&fixture).await.failure, AWAY);
    assert_eq!(fixture.subscriber.deliveries().len(), 1);
}

#[tokio::test]
async fn a_gone_endpoint_is_disabled_and_gets_no_more() {
    let fixture = Fixture::start().await;
    fixture.subscriber.reply([Reply::Status(410)]);
    assert_eq!(failed(&fixture).await.failure, Refused);
    let state = fixture.endpoints.get("orders").expect("registered").state.clone();
    assert_eq!(state, EndpointState::Disabled { reason: "it answered 410 Gone".into() });
    assert_eq!(failed(&fixture).await.failure, Refused);
    assert_eq!(fixture.subscriber.deliveries().len(), 1);
}

#[tokio::test]
async fn the_events_of_a_disabled_endpoint_can_wait_or_be_skipped() {
    for (disabled, is_skipped) in [(Absence::Wait, false), (Absence::Skip, true)] {
        let config = WebhookConfig { disabled, ..WebhookConfig::for_development() };
        let fixture = Fixture::with(config).await;
        fixture.subscriber.reply([Reply::Status(410)]);
        let result = fixture.bus.publish(&[message(1), message(2)]).await;
        assert_eq!(fixture.subscriber.deliveries().len(), 1);
        match result {
            Ok(()) => assert!(is_skipped),
            Err(error) => assert_eq!((error.failure, is_skipped), (AWAY, false)),
        }
    }
}

#[tokio::test]
async fn an_event_that_an_endpoint_trips_over_is_refused_when_others_pass() {
    let config = WebhookConfig { stumbles_max: 3, ..WebhookConfig::for_development() };
    let fixture = Fixture::with(config).await;
    for _ in 0..4 {
        fixture.subscriber.reply([Reply::Status(500)]);
        assert_eq!(failed(&fixture).await.failure, AWAY, "it may just be down");
    }
    let mut other = message(2);
    other.stream = stream(4);
    fixture.bus.publish(&[other]).await.expect("another lane is delivered");
    fixture.subscriber.reply([Reply::Status(500)]);
    assert_eq!(failed(&fixture).await.failure, Refused);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_unavailable_in_time() {
    let request_timeout = Duration::from_millis(200);
    let config = WebhookConfig { request_timeout, ..WebhookConfig::for_development() };
    let fixture = Fixture::with(config).await;
    fixture.subscriber.reply([Reply::Silence]);
    let began = Instant::now();
    let error = failed(&fixture).await;
    assert_eq!(error.failure, AWAY);
    assert!(error.error.message().contains("200ms"), "{error}");
    assert!(began.elapsed() >= request_timeout);
}

#[tokio::test]
async fn an_answer_without_end_is_taken_by_its_status_and_not_read_on() {
    let fixture = Fixture::start().await;
    fixture.subscriber.reply([Reply::Body(200, Body::new(Endless))]);
    timeout(SOON, async { fixture.bus.publish(&[message(1)]).await })
        .await
        .expect("it ends")
        .expect("the status says that it is delivered");
    fixture.bus.publish(&[message(2)]).await.expect("over another connection");
    assert_eq!(fixture.subscriber.deliveries().len(), 2);
}

/// A body that never ends.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1_024])))))
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_unavailable() {
    let fixture = Fixture::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    fixture.endpoints.put("orders", endpoint(&format!("http://{address}/")));
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.expect("a client");
        let read = stream.read(&mut [0; 1_024]).await.expect("a request");
        assert!(read > 0, "a request arrives");
        stream.write_all(b"+OK nonsense\r\n\r\n").await.expect("written");
        stream.shutdown().await.expect("closed");
    });
    assert_eq!(failed(&fixture).await.failure, AWAY);
    timeout(SOON, server).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn a_refused_connection_is_unavailable() {
    let fixture = Fixture::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    fixture.endpoints.put("orders", endpoint(&format!("http://{address}/")));
    let error = failed(&fixture).await;
    assert_eq!((error.failure, error.error.kind()), (AWAY, ErrorKind::Unavailable));
}

#[tokio::test]
async fn data_that_is_too_large_is_refused_without_a_request() {
    let config = WebhookConfig { data_bytes_max: 100, ..WebhookConfig::for_development() };
    let fixture = Fixture::with(config).await;
    assert_eq!(fixture.bus.guarantees().data_bytes_max, Some(100));
    let sized = |size: usize| {
        let mut message = message(1);
        message.event.data = format!("\"{}\"", "x".repeat(size - 2)).into();
        message
    };
    fixture.bus.publish(&[sized(100)]).await.expect("just small enough");
    let error = fixture.bus.publish(&[sized(101)]).await.expect_err("too large");
    assert_eq!(error.failure, Refused);
    assert!(error.error.message().contains("at most 100 bytes, got 101"), "{error}");
    assert_eq!(fixture.subscriber.deliveries().len(), 1);
}

#[tokio::test]
async fn data_that_is_not_the_json_it_claims_to_be_is_refused() {
    let fixture = Fixture::start().await;
    let mut message = message(1);
    message.event.data = "{\"a\":1},\"id\":\"x\"".into();
    assert_eq!(fixture.bus.publish(&[message]).await.expect_err("no JSON").failure, Refused);
    assert!(fixture.subscriber.deliveries().is_empty());
}

#[tokio::test]
async fn the_bus_names_its_kind_of_broker_for_metrics_and_traces() {
    assert_eq!(Fixture::start().await.bus.system(), "webhook");
}
