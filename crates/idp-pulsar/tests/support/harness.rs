//! The bus under test, behind a network that can be cut.

use super::admin::Admin;
use super::proxy::Proxy;
use super::{broker, reader};
use idp_application::EventBus;
use idp_conformance::{BusHarness, Received, Way};
use idp_pulsar::{PulsarBus, PulsarConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

pub(crate) struct PulsarHarness {
    admin: Admin,
    namespace: String,
    topics: Mutex<Vec<String>>,
    pub(crate) proxy: Proxy,
    partitions: u32,
}

impl PulsarHarness {
    /// Topics with so many partitions, or without if there are to be none.
    pub(crate) async fn start(partitions: u32) -> Self {
        let admin = Admin::new();
        let namespace = admin.namespace().await;
        let proxy = Proxy::start(broker()).await;
        Self { admin, namespace, topics: Mutex::default(), proxy, partitions }
    }

    pub(crate) fn config(&self) -> PulsarConfig {
        PulsarConfig {
            idle_timeout: Duration::from_millis(100),
            ..PulsarConfig::for_service("shop", format!("pulsar://{}", self.proxy.address))
        }
    }

    pub(crate) async fn connect(&self, config: PulsarConfig) -> PulsarBus {
        PulsarBus::connect(config).await.expect("the broker is there")
    }

    pub(crate) fn admin(&self) -> &Admin {
        &self.admin
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl BusHarness for PulsarHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.connect(self.config()).await)
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        let mut topics = self.topics.lock().await;
        let full = format!("persistent://{}/{name}", self.namespace);
        if !topics.contains(&full) {
            self.admin.topic(&self.namespace, name, self.partitions).await;
            topics.push(full.clone());
        }
        full.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some(format!("persistent://{}/missing", self.namespace).into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        reader::stored(topic).await.into_iter().map(reader::Stored::received).collect()
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        Some(6 * 1024 * 1024)
    }

    async fn cut(&self) -> bool {
        self.proxy.cut();
        true
    }

    async fn restore(&self) {
        self.proxy.restore();
    }

    async fn cut_after(&self, way: Way, bytes: u64) -> bool {
        self.proxy.cut_after(way, bytes);
        true
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.slow_down(answers);
        true
    }
}
