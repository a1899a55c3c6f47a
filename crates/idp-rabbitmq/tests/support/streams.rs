//! The bus to streams under test, with the broker behind it.

use super::plain::Plain;
use super::{soon, stream_node, unique};
use idp_application::EventBus;
use idp_conformance::{BusHarness, Received, Way};
use idp_rabbitmq::{RabbitStreamBus, RabbitStreamConfig};
use idp_testkit::{Direction, Proxy};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A stream for each topic; the bus reaches the broker through a proxy.
pub struct Streams {
    pub proxy: Proxy,
    pub plain: Plain,
    prefix: String,
    declared: Mutex<HashSet<String>>,
}

impl Streams {
    pub async fn start() -> Self {
        let proxy = Proxy::to(stream_node()).await.expect("a port is free");
        let (plain, prefix) = (Plain::connect().await, unique("stream"));
        Self { proxy, plain, prefix, declared: Mutex::default() }
    }

    pub fn config(&self) -> RabbitStreamConfig {
        RabbitStreamConfig {
            connect_timeout: Duration::from_secs(2),
            confirm_timeout: Duration::from_secs(3),
            ..RabbitStreamConfig::at(self.proxy.address().to_string(), "tests")
        }
    }

    pub async fn connect(&self) -> RabbitStreamBus {
        let connecting = RabbitStreamBus::connect(self.config());
        soon("the bus", connecting).await.expect("the broker is there")
    }

    /// The numbers of what the topic holds.
    pub async fn numbers(&self, topic: &str) -> Vec<i64> {
        let stored = self.stored(topic).await;
        stored.iter().map(|one| one.attributes["sequence"].parse().expect("a number")).collect()
    }
}

impl BusHarness for Streams {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.connect().await)
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        let topic = format!("{}-{name}", self.prefix);
        if self.declared.lock().await.insert(topic.clone()) {
            self.plain.declare_stream(&topic).await;
        }
        topic.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some(format!("{}-missing", self.prefix).into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        self.plain.read_stream(topic).await
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        Some(1024 * 1024)
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

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.set_delay(answers / 2);
        true
    }
}
