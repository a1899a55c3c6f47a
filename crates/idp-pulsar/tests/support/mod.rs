//! What the tests of this crate share: a server's address, a bare client to look behind the bus, and a
//! network that can be cut.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod admin;
pub(crate) mod bare;
pub(crate) mod harness;
pub(crate) mod own_broker;
pub(crate) mod protobuf;
pub(crate) mod proxy;
pub(crate) mod reader;
pub(crate) mod script;

use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test, which must end in time.
pub(crate) async fn bounded<T>(test: impl Future<Output = T>) -> T {
    timeout(PATIENCE, test).await.expect("the test ends in time")
}

/// The variable that says where a server is.
pub(crate) fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: it says where the Pulsar server for tests is (see README.md)"
        )
    })
}

/// `127.0.0.1:PORT` of the broker.
pub(crate) fn broker() -> String {
    let url = server("IDP_TEST_PULSAR");
    url.strip_prefix("pulsar://").expect("IDP_TEST_PULSAR begins with pulsar://").to_owned()
}

/// A name that was never used before, in this run or another.
#[allow(clippy::disallowed_methods, reason = "it only has to differ between runs")]
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{time:x}-{}-{count}", std::process::id())
}

/// Messages of one stream to one topic.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) topic: Arc<str>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) epoch: i64,
}

impl Sender {
    pub(crate) fn of_lane(topic: &str, lane: i16) -> Self {
        let lane = Lane::from_number(lane);
        let stream = Stream { target: "orders".into(), lane, track: Track::Main };
        Self { topic: topic.into(), stream: stream.into(), epoch: 1 }
    }

    pub(crate) fn on_track(&self, track: Track) -> Self {
        let stream = Stream { track, ..(*self.stream).clone() };
        Self { stream: stream.into(), ..self.clone() }
    }

    pub(crate) fn in_epoch(&self, epoch: i64) -> Self {
        Self { epoch, ..self.clone() }
    }

    /// The message of that number, about the aggregate of that number.
    pub(crate) fn message(&self, aggregate: u128, sequence: i64) -> Message {
        let record = EventRecord {
            event_id: Uuid::from_u128(u128::from(sequence.unsigned_abs())),
            occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "order".into(),
            aggregate_id: Uuid::from_u128(aggregate),
            aggregate_version: sequence,
            event_type: "order.placed".into(),
            schema_id: "order.placed".into(),
            schema_version: 1,
            payload: format!("{{\"number\":{sequence}}}"),
            metadata: [(EventRecord::ACTOR.to_owned(), "ann".to_owned())].into(),
        };
        let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
        Message {
            topic: self.topic.clone(),
            event: CloudEvent::of(envelope, "/shop".into()),
            stream: self.stream.clone(),
            sequence,
            epoch: self.epoch,
        }
    }

    /// The messages of those numbers, of one aggregate.
    pub(crate) fn messages(&self, sequences: impl IntoIterator<Item = i64>) -> Vec<Message> {
        sequences.into_iter().map(|sequence| self.message(1, sequence)).collect()
    }
}
