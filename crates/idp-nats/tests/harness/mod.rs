//! A JetStream stream of its own for each test, behind a network that can be cut, and a client of
//! its own to look into it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod letters;

use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt;
use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use idp_testkit::{Direction, Proxy};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// A stream on the server under test.
pub(crate) struct Nats {
    pub(crate) proxy: Proxy,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) name: String,
    mode: Deduplication,
    pub(crate) marks_takeovers: bool,
    /// Another stream of the same bus, where there is one.
    other: Option<String>,
}

/// Where the server under test is: `host:port`.
pub(crate) fn server() -> String {
    let url = std::env::var("IDP_TEST_NATS");
    let url = url.expect("IDP_TEST_NATS must say where a NATS server is: nats://127.0.0.1:PORT");
    url.trim_start_matches("nats://").to_owned()
}

impl Nats {
    /// A stream that keeps everything.
    pub(crate) async fn start(mode: Deduplication) -> Self {
        Self::with(mode, stream::Config::default()).await
    }

    /// A stream that keeps everything, with marks of takeovers.
    pub(crate) async fn marked() -> Self {
        Self { marks_takeovers: true, ..Self::start(Deduplication::Strict).await }
    }

    /// A stream that is configured so.
    pub(crate) async fn with(mode: Deduplication, config: stream::Config) -> Self {
        let name = unique();
        let client = async_nats::connect(server()).await.expect("the server takes connections");
        let jetstream = jetstream::new(client);
        create(&jetstream, &name, config).await;
        let proxy = Proxy::to(server()).await.expect("a port is free");
        Self { proxy, jetstream, name, mode, marks_takeovers: false, other: None }
    }

    /// A stream that takes no more when it is full, and another one beside it.
    pub(crate) async fn with_bound(mode: Deduplication) -> Self {
        let discard = stream::DiscardPolicy::New;
        let nats = Self::with(mode, stream::Config { discard, ..Default::default() }).await;
        let other = unique();
        create(&nats.jetstream, &other, stream::Config::default()).await;
        Self { other: Some(other), ..nats }
    }

    /// The configuration of a bus to the stream, through the proxy.
    pub(crate) fn config(&self) -> NatsConfig {
        let streams = [&self.name].into_iter().chain(&self.other);
        let mut config =
            NatsConfig::new(format!("nats://{}", self.proxy.address()), "test", streams);
        config.deduplication = self.mode;
        config.marks_takeovers = self.marks_takeovers;
        config.ack_timeout = Duration::from_secs(2);
        config.connect_timeout = Duration::from_secs(2);
        config
    }

    /// A bus to the stream, through the proxy.
    pub(crate) async fn connect(&self) -> NatsBus {
        NatsBus::connect(self.config()).await.expect("the server takes connections")
    }

    /// How many messages the stream may hold.
    async fn bound(&self, max_messages: i64) {
        let stream = self.jetstream.get_stream(&self.name).await.expect("it exists");
        let config = stream.cached_info().config.clone();
        let config = stream::Config { max_messages, ..config };
        self.jetstream.update_stream(config).await.expect("an operator may");
    }

    /// A topic of that name.
    pub(crate) fn topic_named(&self, name: &str) -> Arc<str> {
        format!("{}.{name}", self.name).into()
    }

    /// What the subjects of a topic hold, as the server has it.
    pub(crate) async fn messages(&self, topic: &str) -> Vec<jetstream::Message> {
        let other = self.other.as_ref().filter(|other| topic.starts_with(other.as_str()));
        let stream =
            self.jetstream.get_stream(other.unwrap_or(&self.name)).await.expect("it exists");
        let filter_subject = match self.mode {
            Deduplication::Window => topic.to_owned(),
            Deduplication::Strict => format!("{topic}.*"),
        };
        let config = consumer::pull::Config {
            filter_subject,
            ack_policy: consumer::AckPolicy::None,
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.expect("anybody may consume");
        let pending = usize::try_from(consumer.cached_info().num_pending).expect("few");
        let batch = consumer.fetch().max_messages(pending.max(1)).messages().await;
        let messages: Vec<_> = batch
            .expect("the server answers")
            .take(pending)
            .map(|m| m.expect("whole"))
            .collect()
            .await;
        assert_eq!(messages.len(), pending, "all that is pending");
        messages
    }
}

fn unique() -> String {
    format!("T{:016x}", RandomState::new().build_hasher().finish())
}

async fn create(jetstream: &jetstream::Context, name: &str, config: stream::Config) {
    let subjects = vec![format!("{name}.>")];
    let config = stream::Config { name: name.to_owned(), subjects, ..config };
    jetstream.create_stream(config).await.expect("the server has JetStream");
}

/// Whether it is a mark, which is no CloudEvent.
pub(crate) fn is_mark(message: &jetstream::Message) -> bool {
    let headers = message.headers.as_ref().expect("binary mode");
    let is_mark = headers.get("idp-mark-epoch").is_some();
    assert_ne!(is_mark, headers.get("ce-specversion").is_some(), "one or the other: {headers:?}");
    is_mark
}

/// By the rules of the binding, written anew.
fn received(message: &jetstream::Message) -> Received {
    let headers = message.headers.as_ref().expect("binary mode");
    let mut attributes: std::collections::BTreeMap<String, String> = headers
        .iter()
        .filter_map(|(name, values)| {
            let name: &str = name.as_ref();
            assert_eq!(values.len(), 1, "{name} stands once");
            Some((name.strip_prefix("ce-")?.to_owned(), decoded(values[0].as_str())))
        })
        .collect();
    let content_type = attributes.remove("datacontenttype").expect("there is data");
    Received { attributes, content_type, data: message.payload.to_vec() }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(&behind[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).expect("text")
}

impl BusHarness for Nats {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.connect().await)
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        self.topic_named(name)
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some(format!("elsewhere.{}", self.name).into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        let messages = self.messages(topic).await;
        messages.iter().filter(|message| !is_mark(message)).map(received).collect()
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

    /// The stream keeps what it has, and no more.
    async fn fill(&self, _: &str) -> Option<Full> {
        let other = self.other.as_ref()?;
        let mut stream = self.jetstream.get_stream(&self.name).await.expect("it exists");
        let held = stream.info().await.expect("the server answers").state.messages;
        self.bound(i64::try_from(held).expect("few")).await;
        Some(Full { elsewhere: Some(format!("{other}.beside").into()) })
    }

    async fn drain(&self, _: &str) {
        self.bound(-1).await;
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.proxy.set_delay(answers / 2);
        true
    }
}
