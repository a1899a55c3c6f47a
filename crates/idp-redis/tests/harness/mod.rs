//! Topics of its own for each test, behind a network that can be cut, and a client of its own to
//! look into them.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod letters;
pub(crate) mod private;

use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_redis::{RedisBus, RedisConfig, stream_key_pattern};
use idp_testkit::{Direction, Proxy};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// For a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const DATA_BYTES_MAX: usize = 1024 * 1024;

/// An entry: its id and its fields.
pub(crate) type Entry = (String, Vec<Field>);
pub(crate) type Field = (String, Vec<u8>);

/// A server under test.
pub(crate) struct Redis {
    pub(crate) proxy: Proxy,
    pub(crate) connection: MultiplexedConnection,
    name: String,
    /// The server, where nobody else uses it.
    own: Option<private::Private>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let url = std::env::var("IDP_TEST_REDIS");
        let url =
            url.expect("IDP_TEST_REDIS must say where a Redis server is: redis://127.0.0.1:PORT");
        Self::on(url.trim_start_matches("redis://").trim_end_matches('/')).await
    }

    /// The server at that `host:port`.
    pub(crate) async fn on(server: &str) -> Self {
        let client = redis::Client::open(format!("redis://{server}")).expect("an address");
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
        let connection = connection.expect("the server takes connections");
        let proxy = Proxy::to(server).await.expect("a port is free");
        let name = format!("t{:016x}", RandomState::new().build_hasher().finish());
        Self { proxy, connection, name, own: None }
    }

    /// A server of its own.
    pub(crate) async fn alone() -> Self {
        let server = private::Private::start(&[]).await;
        let redis = Self::on(&server.address).await;
        Self { own: Some(server), ..redis }
    }

    /// The configuration of a bus to the server, through the proxy.
    pub(crate) fn config(&self) -> RedisConfig {
        let mut config = RedisConfig::new(format!("redis://{}", self.proxy.address()), "test");
        config.data_bytes_max = DATA_BYTES_MAX;
        config.answer_timeout = Duration::from_secs(2);
        config.connect_timeout = Duration::from_secs(2);
        config
    }

    /// A bus to the server, through the proxy.
    pub(crate) async fn connect(&self) -> RedisBus {
        RedisBus::connect(self.config()).await.expect("the server takes connections")
    }

    /// A topic of that name.
    pub(crate) fn topic_named(&self, name: &str) -> Arc<str> {
        format!("{}.{name}", self.name).into()
    }

    /// Runs a command on the server itself.
    pub(crate) async fn run<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(*word);
        });
        let answer = command.query_async(&mut self.connection.clone()).await;
        answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// The stream keys of a topic.
    pub(crate) async fn keys(&self, topic: &str) -> Vec<String> {
        let pattern = stream_key_pattern(topic, "test");
        let (mut keys, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let words = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000", "TYPE", "stream"];
            let (next, found): (String, Vec<String>) = self.run(&words).await;
            keys.extend(found);
            cursor = next;
            if cursor == "0" {
                keys.sort();
                keys.dedup();
                return keys;
            }
        }
    }

    /// What a topic holds, one key after the other.
    pub(crate) async fn entries(&self, topic: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        for key in self.keys(topic).await {
            let found: Vec<Entry> = self.run(&["XRANGE", &key, "-", "+"]).await;
            entries.extend(found);
        }
        entries
    }
}

/// By the rules of the binding, written anew.
fn received(fields: Vec<Field>) -> Received {
    let mut attributes = BTreeMap::new();
    let (mut content_type, mut data) = (None, None);
    for (name, value) in fields {
        let text = || String::from_utf8(value.clone()).expect("text");
        match name.strip_prefix("ce_") {
            Some(attribute) => {
                assert!(attributes.insert(attribute.to_owned(), text()).is_none(), "{name} twice");
            }
            None if name == "content-type" => content_type = Some(text()),
            None => {
                assert_eq!(name, "data");
                data = Some(value);
            }
        }
    }
    let content_type = content_type.expect("there is data");
    Received { attributes, content_type, data: data.expect("there is data") }
}

impl BusHarness for Redis {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.connect().await)
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        self.topic_named(name)
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        None
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        self.entries(topic).await.into_iter().map(|(_, fields)| received(fields)).collect()
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

    /// The memory is full: for all topics, and for whoever else uses the server.
    async fn fill(&self, _: &str) -> Option<Full> {
        self.own.as_ref()?;
        let () = self.run(&["CONFIG", "SET", "maxmemory", "1"]).await;
        Some(Full { elsewhere: None })
    }

    async fn drain(&self, _: &str) {
        let () = self.run(&["CONFIG", "SET", "maxmemory", "0"]).await;
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.set_delay(answers / 2);
        true
    }
}
