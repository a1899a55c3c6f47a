//! The bus to exchanges under test, with the broker behind it.

use super::plain::{Plain, text};
use super::{broker_uri, soon, unique};
use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_rabbitmq::{RabbitBus, RabbitConfig, RabbitOrder};
use idp_testkit::{Direction, Proxy};
use lapin::types::AMQPValue;
use lapin::uri::AMQPUri;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// What the bus under test takes at most.
pub const DATA_BYTES_MAX: usize = 1024 * 1024;

/// An exchange with a queue for each topic; the bus reaches the broker through a proxy.
pub struct Queues {
    pub proxy: Proxy,
    pub plain: Plain,
    pub exchange: String,
    pub order: RabbitOrder,
    bound: Mutex<HashSet<String>>,
    /// What was taken out of the queues so far.
    taken: Mutex<HashMap<String, Vec<Received>>>,
}

impl Queues {
    pub async fn start() -> Self {
        Self::in_order(RabbitOrder::Strict).await
    }

    /// Quorum queues, which a window is safe with.
    pub async fn start_with_window() -> Self {
        Self::in_order(RabbitOrder::Window).await
    }

    async fn in_order(order: RabbitOrder) -> Self {
        let node: AMQPUri = broker_uri().parse().expect("a URI");
        let server = format!("{}:{}", node.authority.host, node.authority.port);
        let proxy = Proxy::to(server).await.expect("a port is free");
        let (plain, exchange) = (Plain::connect().await, unique("exchange"));
        plain.declare_exchange(&exchange).await;
        let (bound, taken) = (Mutex::default(), Mutex::default());
        Self { proxy, plain, exchange, order, bound, taken }
    }

    pub fn config(&self) -> RabbitConfig {
        let node: AMQPUri = broker_uri().parse().expect("a URI");
        let user = node.authority.userinfo;
        let (user, password) = (user.username, user.password);
        let uri = format!("amqp://{user}:{password}@{}/%2f", self.proxy.address());
        RabbitConfig {
            order: self.order,
            data_bytes_max: DATA_BYTES_MAX,
            connect_timeout: Duration::from_secs(2),
            confirm_timeout: Duration::from_secs(3),
            ..RabbitConfig::at(uri)
        }
    }

    pub async fn connect(&self) -> RabbitBus {
        let connecting = RabbitBus::connect(self.config());
        soon("the bus", connecting).await.expect("the broker is there")
    }

    /// The queue behind a topic of ours.
    pub fn queue(topic: &str) -> String {
        topic.replace('/', ".")
    }

    /// A queue that takes nothing: it is as full as it may be.
    pub async fn declare_full(&self, queue: &str) {
        let bound =
            [("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", text("reject-publish"))];
        self.plain.declare_queue(queue, &bound).await;
        self.plain.stuff(queue).await;
    }

    /// The queue that stands for a topic while that is full, and the key by which it is bound.
    fn full_queue(topic: &str) -> (String, &str) {
        let (_, key) = topic.split_once('/').expect("an exchange and a key");
        (format!("{}.full", Self::queue(topic)), key)
    }

    /// The numbers of what the topic holds.
    pub async fn numbers(&self, topic: &str) -> Vec<i64> {
        let stored = self.stored(topic).await;
        stored.iter().map(|one| one.attributes["sequence"].parse().expect("a number")).collect()
    }
}

impl BusHarness for Queues {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.connect().await)
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        let topic = format!("{}/{name}", self.exchange);
        if self.bound.lock().await.insert(topic.clone()) {
            let queue = Self::queue(&topic);
            let kind = match self.order {
                RabbitOrder::Strict => "classic",
                RabbitOrder::Window => "quorum",
            };
            self.plain.declare_queue(&queue, &[("x-queue-type", text(kind))]).await;
            self.plain.bind(&queue, &self.exchange, name).await;
        }
        topic.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some(format!("{}-missing/letters", self.exchange).into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        let mut taken = self.taken.lock().await;
        let all = taken.entry(topic.to_owned()).or_default();
        all.extend(self.plain.drain(&Self::queue(topic)).await);
        all.clone()
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

    /// What is sent there is routed to a full queue, until it is routed to its own again. A window is
    /// not safe with that: README.md says so.
    async fn fill(&self, topic: &str) -> Option<Full> {
        if self.order == RabbitOrder::Window {
            return None;
        }
        let (full, key) = Self::full_queue(topic);
        self.declare_full(&full).await;
        self.plain.bind(&full, &self.exchange, key).await;
        self.plain.unbind(&Self::queue(topic), &self.exchange, key).await;
        Some(Full { elsewhere: Some(self.topic("beside").await) })
    }

    async fn drain(&self, topic: &str) {
        let (full, key) = Self::full_queue(topic);
        self.plain.bind(&Self::queue(topic), &self.exchange, key).await;
        self.plain.unbind(&full, &self.exchange, key).await;
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.set_delay(answers / 2);
        true
    }
}
