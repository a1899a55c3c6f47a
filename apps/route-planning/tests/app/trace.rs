//! One event, followed by its trace: from the header of a request through the unit of work, the outbox
//! and the relay to the message on a bus.

use crate::client::{Client, new_plan};
use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt;
use idp::application::{EventBus, RelayLog, WorkerId};
use idp::domain::{EventRecord, Uuid};
use idp::memory::{MemoryBus, MemoryStore};
use idp::nats::{NatsBus, NatsConfig};
use idp::relay::{Relay, RelayConfig, RelayHandle, Target, TopicRule};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use tracing_subscriber::fmt::format::FmtSpan;

const PATIENCE: Duration = Duration::from_secs(60);

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ANOTHER_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STATE: &str = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";

/// What this process logs.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The line that tells that a span of a trace ended, by what the span begins with.
    fn ended(&self, trace_id: &str, span: &str) -> String {
        let text = String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text");
        let begins = [format!(" {span}{{"), format!(":{span}{{")];
        let trace = format!("trace_id=\"{trace_id}\"");
        let is_it = |line: &&str| {
            line.contains("close time")
                && line.contains(&trace)
                && begins.iter().any(|begins| line.contains(begins))
        };
        let line = text.lines().rfind(is_it);
        line.unwrap_or_else(|| panic!("no `{span}` of {trace_id} ended in:\n{text}")).to_owned()
    }
}

/// Logs every span at its end, for as long as the process lives.
///
/// One subscriber for the process and none for a thread: whether a span is wanted is decided when it is
/// first met, by the subscriber of the thread that meets it, for all threads. A subscriber of one test
/// would miss what another test, without one, met first.
fn logged() -> &'static Lines {
    static LINES: LazyLock<Lines> = LazyLock::new(|| {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(move || writer.clone())
            .init();
        tracing::callsite::rebuild_interest_cache();
        lines
    });
    &LINES
}

/// The service, and what its relay reads.
async fn service() -> (Client, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::default());
    (Client::over(store.clone()).await, store)
}

fn relay(client: &Client, store: Arc<MemoryStore>, target: Target) -> RelayHandle {
    let (log, worker) = (store as Arc<dyn RelayLog>, WorkerId(Uuid::from_u128(1)));
    let signal = client.state.app.committed();
    let relay = Relay::new(target, RelayConfig::default(), log, worker, signal);
    relay.expect("the usual configuration").start()
}

#[tokio::test]
async fn an_event_is_followed_by_its_trace_from_a_request_to_a_message() {
    let lines = logged();
    let (client, store) = service().await;
    let bus = Arc::new(MemoryBus::default());
    let target = Target::new("memory", bus.clone() as Arc<dyn EventBus>);
    let relay = relay(&client, store, target);
    let call = client.post("/api/route-plans").header("traceparent", PARENT);
    call.header("tracestate", STATE).json(&new_plan("R-1", 1)).await;
    let messages = timeout(PATIENCE, bus.wait_for(1)).await.expect("it arrives");
    assert_eq!(messages[0].event.metadata(EventRecord::TRACE_PARENT), Some(PARENT));
    let attributes = messages[0].attributes();
    for expected in [("traceparent", PARENT), ("tracestate", STATE)] {
        assert!(attributes.iter().any(|(n, v)| (&**n, v.as_str()) == expected), "{attributes:?}");
    }
    relay.stop().await.expect("the store answers");
    for span in ["request", "create", "send"] {
        let ended = lines.ended(TRACE_ID, span);
        assert!(ended.contains("parent_span_id=\"00f067aa0ba902b7\""), "{ended}");
    }
    let create = lines.ended(TRACE_ID, "create");
    assert!(create.contains("request{"), "a commit is a part of its request: {create}");
    let send = lines.ended(TRACE_ID, "send");
    for field in [
        "otel.name=\"send route_plan\"",
        "otel.kind=\"producer\"",
        "messaging.system=\"memory\"",
        "messaging.destination.name=\"route_plan\"",
        "messaging.operation.name=\"send\"",
        "messaging.operation.type=\"send\"",
        "messaging.batch.message_count=1",
    ] {
        assert!(send.contains(field), "{field} in {send}");
    }
}

#[tokio::test]
async fn a_request_without_a_valid_trace_begins_one_that_its_event_is_in() {
    let (client, store) = service().await;
    let bus = Arc::new(MemoryBus::default());
    let relay = relay(&client, store, Target::new("memory", bus.clone() as Arc<dyn EventBus>));
    let call = client.post("/api/route-plans").header("traceparent", &PARENT.to_uppercase());
    call.header("tracestate", STATE).json(&new_plan("R-1", 1)).await;
    let messages = timeout(PATIENCE, bus.wait_for(1)).await.expect("it arrives");
    let trace = idp::application::TraceContext::of(&messages[0].event.metadata);
    let trace = trace.expect("a trace was begun");
    assert_ne!(trace.trace_id(), TRACE_ID);
    assert_eq!(trace.state(), None);
    relay.stop().await.expect("the store answers");
}

#[tokio::test]
async fn an_event_is_followed_by_its_trace_from_a_request_to_nats() {
    let lines = logged();
    let server = std::env::var("IDP_TEST_NATS")
        .expect("IDP_TEST_NATS names no server: run `cargo xtask test`, which starts one");
    let name = format!("T{:016x}", RandomState::new().build_hasher().finish());
    let nats = async_nats::connect(&server).await.expect("the server takes connections");
    let subjects = vec![format!("{name}.>")];
    let config = stream::Config { name: name.clone(), subjects, ..Default::default() };
    let stream = jetstream::new(nats).create_stream(config).await.expect("JetStream");
    let bus = NatsBus::connect(NatsConfig::new(&server, "trace", [&name])).await;
    let bus = Arc::new(bus.expect("the stream is there"));
    let (client, store) = service().await;
    let topic = TopicRule::parse(&format!("{name}.{{aggregate_type}}")).expect("a template");
    let relay = relay(&client, store, Target::new("nats", bus).topic(topic));
    let call = client.post("/api/route-plans").header("traceparent", ANOTHER_PARENT);
    call.header("tracestate", STATE).json(&new_plan("R-1", 1)).await;

    let config = consumer::pull::Config::default();
    let consumer = stream.create_consumer(config).await.expect("anybody may consume");
    let mut messages = consumer.messages().await.expect("the server answers");
    let message = timeout(PATIENCE, messages.next()).await.expect("it arrives");
    let message = message.expect("the stream stays").expect("whole");
    let headers = message.headers.as_ref().expect("CloudEvents in binary mode");
    let header = |name| headers.get(name).map(ToString::to_string);
    assert_eq!(header("ce-traceparent").as_deref(), Some(ANOTHER_PARENT));
    assert_eq!(header("ce-tracestate").as_deref(), Some(STATE));
    relay.stop().await.expect("the store answers");
    let send = lines.ended(&ANOTHER_PARENT[3..35], "send");
    assert!(send.contains("messaging.system=\"nats\""), "{send}");
}
