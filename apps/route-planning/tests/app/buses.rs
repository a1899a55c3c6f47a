//! Events leave for a broker, with nothing but settings: the program as an operator runs it, and a
//! client of its own that looks what the broker has.

use crate::process::{PATIENCE, Process, Running, import, server};
use crate::program::program;
use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;
use tokio::time::timeout;

/// A name that nobody on the broker has.
fn new_name() -> String {
    format!("T{:016x}", RandomState::new().build_hasher().finish())
}

/// A stream of JetStream, and what is in it.
pub(crate) struct NatsStream {
    pub(crate) stream: stream::Stream,
    pub(crate) name: String,
}

impl NatsStream {
    pub(crate) async fn new(server: &str) -> Self {
        Self::of_config(server, stream::Config::default()).await
    }

    /// With a name and subjects of its own.
    pub(crate) async fn of_config(server: &str, config: stream::Config) -> Self {
        let client = async_nats::connect(server).await.expect("the server takes connections");
        let name = new_name();
        let subjects = vec![format!("{name}.>")];
        let config = stream::Config { name: name.clone(), subjects, ..config };
        let stream = jetstream::new(client).create_stream(config).await;
        Self { stream: stream.expect("the server has JetStream"), name }
    }

    /// The first so many events: subject, tenant, type and id of each, as CloudEvents have them.
    pub(crate) async fn events(&self, count: usize) -> Vec<[String; 4]> {
        let ack_policy = consumer::AckPolicy::None;
        let config = consumer::pull::Config { ack_policy, ..Default::default() };
        let consumer = self.stream.create_consumer(config).await.expect("anybody may consume");
        let messages = consumer.messages().await.expect("the server answers");
        let messages = messages.take(count).map(|message| {
            let message = message.expect("whole");
            let headers = message.headers.as_ref().expect("CloudEvents in binary mode");
            let header = |name| headers.get(name).map(ToString::to_string).unwrap_or_default();
            let subject = message.subject.to_string();
            [subject, header("ce-tenantid"), header("ce-type"), header("ce-id")]
        });
        timeout(PATIENCE, messages.collect()).await.expect("so many arrive")
    }

    pub(crate) async fn count(&self) -> u64 {
        self.stream.get_info().await.expect("the server answers").state.messages
    }
}

#[cfg(unix)]
#[tokio::test]
async fn events_reach_nats_by_settings_alone_and_each_once() {
    let server = server("IDP_TEST_NATS");
    let nats = NatsStream::new(&server).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let topic = format!("{}.{{aggregate_type}}", nats.name);
    let variables = [
        ("ROUTE_PLANNING__RELAY__BUS", server.as_str()),
        ("ROUTE_PLANNING__RELAY__STREAM", &nats.name),
        ("ROUTE_PLANNING__RELAY__TOPIC", &topic),
    ];
    let service = Process::start(&folder, &["serve", "--dev"], &variables);
    let sample = nats.events(5).await;
    let subject = format!("{}.route_plan", nats.name);
    for [on, tenant, event, _] in &sample {
        assert_eq!([on, tenant, event], [&subject, "acme", "route_plan.created"]);
    }
    // Another process commits while the service runs.
    import(&folder, &[], "C101.txt", "C101.sol", "globex").await;
    let all = nats.events(15).await;
    assert!(all[5..].iter().all(|[_, tenant, ..]| tenant == "globex"), "{all:?}");
    service.stop().await;
    // And another one while none does.
    import(&folder, &[], "A-n32-k5.vrp", "A-n32-k5.sol", "initech").await;
    let relay = Process::start(&folder, &["relay"], &variables);
    let all = nats.events(20).await;
    relay.stop().await;
    let ids: HashSet<_> = all.iter().map(|[.., id]| id).collect();
    assert_eq!((ids.len(), nats.count().await), (20, 20), "each once: {all:?}");
}

#[tokio::test]
async fn a_broker_that_lacks_the_stream_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut relay = program(&folder);
    relay.arg("relay").env("ROUTE_PLANNING__RELAY__BUS", server("IDP_TEST_NATS"));
    relay.env("ROUTE_PLANNING__RELAY__STREAM", new_name());
    let ended = Running::start(relay).ended("").await;
    let reason = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{reason}");
    assert!(reason.contains("relay.bus: NATS cannot be used"), "{reason}");
}

async fn rabbitmq_channel(server: &str) -> (Connection, Channel) {
    let connecting = Connection::connect(server, ConnectionProperties::default());
    let connection = timeout(PATIENCE, connecting).await.expect("in time").expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

#[cfg(unix)]
#[tokio::test]
async fn events_reach_rabbitmq_by_settings_alone() {
    let server = server("IDP_TEST_RABBITMQ");
    let (_connection, channel) = rabbitmq_channel(&server).await;
    let queue = new_name();
    let options = QueueDeclareOptions { auto_delete: true, ..Default::default() };
    let declaring = channel.queue_declare(queue.as_str().into(), options, FieldTable::default());
    declaring.await.expect("a queue");
    let folder = tempfile::tempdir().expect("a temporary folder");
    import(&folder, &[], "A-n32-k5.vrp", "A-n32-k5.sol", "acme").await;
    let topic = format!("/{queue}");
    let variables =
        [("ROUTE_PLANNING__RELAY__BUS", server.as_str()), ("ROUTE_PLANNING__RELAY__TOPIC", &topic)];
    let relay = Process::start(&folder, &["relay"], &variables);
    let arriving = async {
        let mut types = Vec::new();
        while types.len() < 5 {
            let options = BasicGetOptions { no_ack: true };
            let got = channel.basic_get(queue.as_str().into(), options).await.expect("it is there");
            let Some(got) = got else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let headers = got.delivery.properties.headers().clone().expect("CloudEvents");
            let Some(AMQPValue::LongString(event)) = headers.inner().get("ce-type").cloned() else {
                panic!("{headers:?} has no type")
            };
            types.push(event.to_string());
        }
        types
    };
    let types = timeout(PATIENCE, arriving).await.expect("five events arrive");
    assert_eq!(types, ["route_plan.created"; 5]);
    relay.stop().await;
}

/// The ids of all events under a topic, whatever stream they came by.
async fn redis_ids(redis: &mut redis::aio::MultiplexedConnection, topic: &str) -> Vec<String> {
    let pattern = idp::redis::stream_key_pattern(topic, "route-planning");
    let keys = redis::cmd("KEYS").arg(pattern).to_owned();
    let keys: Vec<String> = keys.query_async(redis).await.expect("it answers");
    let mut ids = Vec::new();
    for key in keys {
        let range = redis::cmd("XRANGE").arg(key).arg("-").arg("+").to_owned();
        let entries: Vec<(String, HashMap<String, String>)> =
            range.query_async(redis).await.expect("a stream");
        for (_, fields) in entries {
            assert_eq!(fields["ce_type"], "route_plan.created");
            assert_eq!(fields["ce_source"], "/route-planning");
            ids.push(fields["ce_id"].clone());
        }
    }
    ids
}

#[cfg(unix)]
#[tokio::test]
async fn events_reach_redis_by_settings_alone_and_each_once() {
    // A database that no other test has: where a stream ended is kept under the names of the service.
    let url = format!("{}/13", server("IDP_TEST_REDIS"));
    let client = redis::Client::open(url.as_str()).expect("a URL");
    let connecting = timeout(PATIENCE, client.get_multiplexed_async_connection());
    let mut redis = connecting.await.expect("in time").expect("a server");
    let _: () = redis::cmd("FLUSHDB").query_async(&mut redis).await.expect("it is ours");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = new_name();
    let topic = format!("{name}.{{aggregate_type}}");
    let variables =
        [("ROUTE_PLANNING__RELAY__BUS", url.as_str()), ("ROUTE_PLANNING__RELAY__TOPIC", &topic)];
    let service = Process::start(&folder, &["serve", "--dev"], &variables);
    let topic = format!("{name}.route_plan");
    let mut arrived = async |count: usize| {
        let arriving = async {
            loop {
                let ids = redis_ids(&mut redis, &topic).await;
                if ids.len() >= count {
                    return ids;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, arriving).await.expect("so many arrive")
    };
    // The sample, and what another process commits while the service runs.
    arrived(5).await;
    import(&folder, &[], "C101.txt", "C101.sol", "globex").await;
    arrived(15).await;
    service.stop().await;
    import(&folder, &[], "A-n32-k5.vrp", "A-n32-k5.sol", "initech").await;
    let relay = Process::start(&folder, &["relay"], &variables);
    let ids = arrived(20).await;
    relay.stop().await;
    let all = arrived(20).await;
    assert_eq!((HashSet::<&String>::from_iter(&ids).len(), all.len()), (20, 20), "each once");
}
