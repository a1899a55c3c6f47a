//! What the tests share: a subscriber's HTTP server on loopback, endpoints and messages.
#![allow(dead_code, reason = "each test program uses another part of it")]

pub(crate) mod messages;
pub(crate) mod subscriber;

use idp_webhook::{Audience, Endpoint, MemoryEndpoints, SigningKey, WebhookBus, WebhookConfig};
use std::sync::Arc;
use subscriber::Subscriber;

/// A symmetric key.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An endpoint of everyone at that URL, with that key.
pub(crate) fn endpoint(url: &str) -> Endpoint {
    let key = SigningKey::parse(SECRET).expect("a key");
    Endpoint::new(Audience::Everyone, url, vec![key]).expect("an endpoint")
}

/// A bus with one endpoint, `orders`, which is that subscriber.
pub(crate) struct Fixture {
    pub(crate) subscriber: Subscriber,
    pub(crate) endpoints: Arc<MemoryEndpoints>,
    pub(crate) bus: WebhookBus,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(WebhookConfig::for_development()).await
    }

    pub(crate) async fn with(config: WebhookConfig) -> Self {
        let subscriber = Subscriber::start().await;
        let endpoints = Arc::new(MemoryEndpoints::default());
        endpoints.put("orders", endpoint(&subscriber.url("/orders")));
        let bus = bus(config, Arc::clone(&endpoints));
        Self { subscriber, endpoints, bus }
    }
}

/// A bus to those endpoints, with the clock of the machine: verifiers compare it with theirs.
pub(crate) fn bus(config: WebhookConfig, endpoints: Arc<MemoryEndpoints>) -> WebhookBus {
    let clock = Arc::new(idp_application::SystemClock);
    WebhookBus::new(config, endpoints, clock).expect("a valid configuration")
}
