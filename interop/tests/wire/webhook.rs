//! Webhooks, seen by the server of a subscriber.

use crate::broker::pairs;
use crate::publish;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use idp_application::{ManualClock, Message};
use idp_domain::Timestamp;
use idp_webhook::{
    Audience, Endpoint, MemoryEndpoints, Mode, SigningKey, WebhookBus, WebhookConfig,
};
use interop::Sighting;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// When it is sent.
const NOW: i64 = 1_700_000_001_000_000;

pub(crate) async fn carry(message: &Message, binary: bool) -> Sighting {
    let (sender, mut seen) = unbounded_channel();
    let app = Router::new().fallback(move |request| receive(request, sender.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let mode = if binary { Mode::Binary } else { Mode::Structured };
    let config = WebhookConfig { mode, ..WebhookConfig::for_development() };
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
    let url = format!("http://{address}/orders");
    let endpoint = Endpoint::new(Audience::Everyone, &url, vec![key]).expect("an endpoint");
    let endpoints = Arc::new(MemoryEndpoints::default());
    endpoints.put("acme-orders", endpoint);
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_micros(NOW)));
    let bus = WebhookBus::new(config, endpoints, clock).expect("a configuration");
    publish(&bus, message).await;
    let seen: Sighting = seen.recv().await.expect("it was sent");
    server.abort();
    seen
}

async fn receive(request: Request<Body>, seen: UnboundedSender<Sighting>) -> StatusCode {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("the body arrives");
    let is_shown = |name: &str| !["host", "user-agent"].contains(&name);
    let headers = head.headers.iter().filter(|(name, _)| is_shown(name.as_str()));
    let text = |value: &axum::http::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let sighting = Sighting {
        place: format!("{} {}", head.method, head.uri.path()),
        headers: pairs(headers.map(|(name, value)| (name.as_str(), text(value)))),
        body: body.to_vec(),
        ..Sighting::default()
    };
    seen.send(sighting).expect("the test waits for it");
    StatusCode::NO_CONTENT
}
