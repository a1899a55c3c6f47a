//! The webhook bus keeps the contract of buses, with a real server behind a network that can be cut.

mod support;

use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_testkit::{Direction, Proxy};
use idp_webhook::{MemoryEndpoints, WebhookConfig};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use support::subscriber::{Delivery, Subscriber};
use support::{bus, endpoint};

idp_conformance::event_bus!(WebhookHarness::start());

const DATA_BYTES_MAX: usize = 64 * 1_024;

/// A subscriber behind a proxy; each topic is an endpoint with a path of its own.
struct WebhookHarness {
    subscriber: Subscriber,
    proxy: Proxy,
    endpoints: Arc<MemoryEndpoints>,
    run: idp_domain::Uuid,
}

impl WebhookHarness {
    async fn start() -> Self {
        let subscriber = Subscriber::start().await;
        let proxy = Proxy::to(subscriber.address()).await.expect("a proxy");
        let run = idp_application::UuidV7Ids::default();
        let now = idp_application::Clock::now(&idp_application::SystemClock);
        let run = idp_application::IdSource::next(&run, now);
        Self { subscriber, proxy, endpoints: Arc::default(), run }
    }
}

impl BusHarness for WebhookHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        let config =
            WebhookConfig { data_bytes_max: DATA_BYTES_MAX, ..WebhookConfig::for_development() };
        Arc::new(bus(config, Arc::clone(&self.endpoints)))
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        let topic = format!("{name}-{}", self.run);
        let url = format!("http://{}/{topic}", self.proxy.address());
        self.endpoints.put(&*topic, endpoint(&url));
        topic.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some("nobody".into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        let path = format!("/{topic}");
        let deliveries = self.subscriber.deliveries();
        let taken = |delivery: &&Delivery| delivery.path == path && !delivery.is_put_off;
        deliveries.iter().filter(taken).map(received).collect()
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        Some(DATA_BYTES_MAX + 1)
    }

    async fn cut(&self) -> bool {
        self.proxy.cut().await;
        true
    }

    async fn restore(&self) {
        self.proxy.restore();
    }

    async fn cut_after(&self, way: Way, bytes: u64) -> bool {
        self.proxy.cut_after(way.named(Direction::ToServer, Direction::ToClient), bytes);
        true
    }

    async fn is_cut(&self) -> bool {
        self.proxy.is_cut()
    }

    /// The endpoint asks to be spared, again and again.
    async fn fill(&self, topic: &str) -> Option<Full> {
        self.subscriber.set_busy(&format!("/{topic}"), true);
        Some(Full { elsewhere: Some(self.topic("beside").await) })
    }

    async fn drain(&self, topic: &str) {
        self.subscriber.set_busy(&format!("/{topic}"), false);
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.set_delay(answers / 2);
        true
    }
}

/// The event in a delivery, read as CloudEvents in JSON are.
fn received(delivery: &Delivery) -> Received {
    use base64::Engine as _;
    let serde_json::Value::Object(mut members) = delivery.json() else { panic!("not an object") };
    let data = match (members.remove("data"), members.remove("data_base64")) {
        (Some(_), None) => raw_data(&delivery.body),
        (None, Some(text)) => base64::engine::general_purpose::STANDARD
            .decode(text.as_str().expect("text"))
            .expect("Base64"),
        other => panic!("there must be one kind of data, got {other:?}"),
    };
    let mut attributes: BTreeMap<String, String> = members
        .into_iter()
        .map(|(name, value)| (name, value.as_str().expect("text").to_owned()))
        .collect();
    let content_type = attributes.remove("datacontenttype").expect("it is said");
    Received { attributes, content_type, data }
}

/// The data byte by byte, as it stands in the body.
fn raw_data(body: &[u8]) -> Vec<u8> {
    #[derive(serde::Deserialize)]
    struct Body<'b> {
        #[serde(borrow)]
        data: &'b serde_json::value::RawValue,
    }
    let body: Body<'_> = serde_json::from_slice(body).expect("it is JSON");
    body.data.get().as_bytes().to_vec()
}
