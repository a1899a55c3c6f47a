//! The metrics of the running service.

use idp::http::axum::body::{Body, to_bytes};
use idp::http::axum::http::{Request, StatusCode};
use idp::memory::MemoryStore;
use route_planning::bootstrap::Core;
use route_planning::metrics::{routes, start};
use route_planning::settings::{Database, LogSettings, MetricsListen, Purpose, Settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

const PATIENCE: Duration = Duration::from_secs(60);

async fn ask(core: &Core, address: &str, host: &str, path: &str) -> (StatusCode, String, String) {
    let routes = routes(core.telemetry.clone(), address.parse().expect("an address"));
    let request = Request::get(path).header("host", host).body(Body::empty()).expect("a request");
    let answer = routes.oneshot(request).await.expect("infallible");
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("text"));
    let (status, kind) = (answer.status(), kind.unwrap_or_default().to_owned());
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a whole body");
    (status, kind, String::from_utf8(body.into()).expect("text"))
}

#[tokio::test]
async fn metrics_are_for_who_asks_directly() {
    let core = Core::over(Arc::new(MemoryStore::default())).await.expect("an empty store");
    let local = "127.0.0.1:9464";
    let (status, kind, text) = ask(&core, local, local, "/metrics").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, idp::telemetry::Telemetry::CONTENT_TYPE));
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(ask(&core, local, "evil.example", "/metrics").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&core, local, local, "/").await.0, StatusCode::NOT_FOUND);
    let elsewhere = ask(&core, "10.0.0.7:9464", "prometheus-target.internal", "/metrics").await;
    assert_eq!(elsewhere.0, StatusCode::OK, "whoever opens it to a network decides who may ask");
}

#[tokio::test]
async fn a_running_service_tells_its_lag_on_a_listener_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plans.db");
    let core = Core::open(&Database::Sqlite(file)).await.expect("a new file");
    let _projector = core.start_projector().expect("the usual configuration");
    let listen = MetricsListen::At(([127, 0, 0, 1], 0).into());
    let metrics = start(&core, listen).await.expect("a free port").expect("it is wanted");
    let told = async {
        loop {
            let mut stream = TcpStream::connect(metrics.address()).await.expect("it listens");
            let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("it answers");
            if answer.contains("outbox_lag_sample_timestamp_seconds ") {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, told).await.expect("it is sampled");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(start(&core, MetricsListen::Off).await.expect("nothing fails").is_none());
    let taken = start(&core, MetricsListen::At(metrics.address())).await;
    let Err(error) = taken else { panic!("the address is taken") };
    assert!(error.to_string().starts_with("metrics.listen: "), "{error}");
}

#[tokio::test]
async fn a_keeper_of_the_service_is_among_them() {
    let core = Core::over(Arc::new(MemoryStore::default())).await.expect("an empty store");
    let hour = Duration::from_secs(3_600);
    let settings = LogSettings { keep_for: Some(hour), interval: hour, archive: None };
    let keeper = core.start_keeper(&settings).expect("valid").expect("it is wanted");
    let turned = async {
        while !core.telemetry.text().contains("\nkeeper_turns_total{} 1\n") {
            tokio::task::yield_now().await;
        }
    };
    let turned = tokio::time::timeout(PATIENCE, turned).await;
    assert!(turned.is_ok(), "its first turn is not told of: {}", core.telemetry.text());
    keeper.stop().await.expect("it stops");
}

#[test]
fn metrics_are_local_unless_somebody_says_otherwise() {
    let load = |value: Option<&str>| {
        let variables = value.map(|value| ("ROUTE_PLANNING__METRICS__LISTEN", value));
        Settings::load(None, variables, Purpose::Tool).map(|settings| settings.metrics)
    };
    let loaded = |value| load(value).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded(None), MetricsListen::Usual);
    assert!(MetricsListen::USUAL.ip().is_loopback());
    assert_eq!(loaded(Some("off")), MetricsListen::Off);
    assert_eq!(loaded(Some("0.0.0.0:81")), MetricsListen::At(([0, 0, 0, 0], 81).into()));
    let Err(error) = load(Some("everywhere")) else { panic!("that is no address") };
    assert!(error.to_string().contains("metrics.listen: expected IP:PORT"), "{error}");
}
