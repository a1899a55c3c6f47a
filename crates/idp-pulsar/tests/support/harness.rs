//! The bus under test, behind a network that can be cut.

use super::admin::Admin;
use super::bare::{Bare, SHARED};
use super::proxy::Proxy;
use super::{bounded, broker, reader, unique};
use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
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

    /// One backlog quota or the other: who opens a producer is told so, or is told to wait.
    fn policy(&self) -> &'static str {
        if self.partitions == 0 { "producer_exception" } else { "producer_request_hold" }
    }

    fn quota(&self) -> String {
        format!("namespaces/{}/backlogQuota", self.namespace)
    }

    /// The topic, or its partitions: those in which there is anything.
    async fn parts(&self, topic: &str) -> Vec<String> {
        let parts = match self.partitions {
            0 => vec![topic.to_owned()],
            count => (0..count).map(|part| format!("{topic}-partition-{part}")).collect(),
        };
        let mut used = Vec::new();
        for part in parts {
            if !reader::stored_in(&part).await.is_empty() {
                used.push(part);
            }
        }
        used
    }

    /// Ends when the broker lets nobody produce there any more. It looks when a producer is opened.
    async fn until_closed(&self, part: &str) {
        let mut bare = Bare::connect(&broker()).await;
        while !matches!(bare.produce(part, &unique("probe"), SHARED, None).await, Err(7 | 8)) {
            self.admin.unload(part).await;
            bare = Bare::connect(&broker()).await;
        }
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

    async fn is_cut(&self) -> bool {
        self.proxy.is_cut()
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.slow_down(answers);
        true
    }

    /// A subscriber has read nothing, and may lag behind no further. Other namespaces have no quota.
    async fn fill(&self, topic: &str) -> Option<Full> {
        let earliest = r#"{"ledgerId":-1,"entryId":-1}"#;
        let subscription = format!("{}/subscription/slow", topic.replace("://", "/"));
        // It may be there already.
        self.admin.ask("PUT", &subscription, earliest).await;
        let body = format!(r#"{{"limitSize":1,"limit":1,"policy":"{}"}}"#, self.policy());
        self.admin.done("POST", &self.quota(), &body).await;
        for part in self.parts(topic).await {
            self.admin.unload(&part).await;
            bounded(self.until_closed(&part)).await;
        }
        let elsewhere = self.admin.namespace().await;
        let beside = self.admin.topic(&elsewhere, "beside", self.partitions).await;
        Some(Full { elsewhere: Some(beside.into()) })
    }

    async fn drain(&self, _: &str) {
        self.admin.done("DELETE", &self.quota(), "").await;
    }
}
