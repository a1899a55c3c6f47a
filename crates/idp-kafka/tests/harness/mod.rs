//! A bus in front of a real broker, with a proxy between them.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod broker;
mod letters;
mod ports;
mod quota;
mod within;

pub(crate) use broker::{Broker, environment, numbers};
pub(crate) use letters::Letters;
pub(crate) use within::{until, within};

use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_kafka::{Delivery, KafkaBus, KafkaConfig};
use idp_testkit::{Direction, Proxy};
use ports::Ports;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So few that one send uses up the quota of many times the patience of the bus.
const BYTES_A_SECOND: f64 = 100.0;

/// A bus under test.
pub(crate) struct KafkaHarness {
    pub(crate) broker: Broker,
    pub(crate) proxy: Proxy,
    pub(crate) config: KafkaConfig,
    topics: Mutex<BTreeMap<String, Arc<str>>>,
    id: String,
    /// Given back when the proxy has gone.
    _ports: Ports,
}

impl KafkaHarness {
    /// One that stores once.
    pub(crate) async fn transactional() -> Self {
        Self::start(Delivery::Transactional).await
    }

    /// One without transactions.
    pub(crate) async fn idempotent() -> Self {
        Self::start(Delivery::Idempotent).await
    }

    async fn start(delivery: Delivery) -> Self {
        let ports = Ports::borrow().await;
        let proxy = Proxy::on(ports.listen, format!("127.0.0.1:{}", ports.target)).await;
        let proxy = proxy.expect("it listens");
        let id = format!("t{:016x}", RandomState::new().hash_one("idp"));
        let config = KafkaConfig {
            delivery,
            positions_topic: format!("{id}-positions"),
            data_bytes_max: 300_000,
            step_timeout: Duration::from_secs(3),
            properties: [("client.id".to_owned(), id.clone())].into(),
            ..KafkaConfig::new(proxy.address().to_string(), format!("{id}-"))
        };
        let broker = Broker::from_environment();
        Self { broker, proxy, config, topics: Mutex::default(), id, _ports: ports }
    }

    /// A bus of its own, as another process would have.
    pub(crate) async fn connect(&self) -> KafkaBus {
        self.connect_as(self.config.clone()).await
    }

    /// One with another configuration.
    pub(crate) async fn connect_as(&self, config: KafkaConfig) -> KafkaBus {
        KafkaBus::connect(config).await.expect("the broker answers")
    }

    /// How many bytes a second its clients may send, all of them together.
    async fn bound_bytes(&self, bytes_a_second: Option<f64>) {
        let (address, id) = (self.broker.address.clone(), self.id.clone());
        let bounding = move || quota::bound_bytes(&address, &id, bytes_a_second);
        tokio::task::spawn_blocking(bounding).await.expect("the broker takes the quota");
    }

    /// A topic of that many partitions, with these settings.
    pub(crate) async fn topic_with(
        &self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Arc<str> {
        let topic: Arc<str> = format!("{}-{name}", self.id).into();
        let known = self.topics.lock().expect("no panic").insert(name.to_owned(), topic.clone());
        if known.is_none() {
            self.broker.create_topic(&topic, partitions, settings).await;
        }
        topic
    }
}

impl BusHarness for KafkaHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.connect().await)
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        self.topic_with(name, 3, &[]).await
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some(format!("{}-missing", self.id).into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        self.broker.stored(topic).await
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        usize::try_from(self.config.data_bytes_max + 1).ok()
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

    /// The broker has no topics that are full. It slows down who sends too much: what came is stored,
    /// and for a while it reads no more from that connection.
    async fn fill(&self, _: &str) -> Option<Full> {
        self.bound_bytes(Some(BYTES_A_SECOND)).await;
        Some(Full { elsewhere: None })
    }

    async fn drain(&self, _: &str) {
        self.bound_bytes(None).await;
    }

    /// Without transactions a send that is dropped takes its producer with it: README.md says so.
    async fn slow_down(&self, answers: Duration) -> bool {
        let goes_on = self.config.delivery == Delivery::Transactional;
        if goes_on {
            self.proxy.set_delay(answers / 2);
        }
        goes_on
    }
}

impl Drop for KafkaHarness {
    fn drop(&mut self) {
        let mut topics: Vec<String> =
            self.topics.lock().expect("no panic").values().map(|topic| topic.to_string()).collect();
        topics.push(self.config.positions_topic.clone());
        self.broker.delete_topics(topics);
    }
}
