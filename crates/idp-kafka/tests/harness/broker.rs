//! The broker as others see it: plain clients, not those of the bus.

use idp_conformance::Received;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const ANSWER_TIME: Duration = Duration::from_secs(20);
/// How long to wait for transactions under way. The network may be cut in the middle of one.
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// The value of a variable that a test cannot do without.
pub(crate) fn environment(name: &str, what: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("this test needs a Kafka broker: set {name} to {what}"))
}

/// Clients that read, for all tests of the process: they are slow to connect.
static IDLE: Mutex<Vec<Readers>> = Mutex::new(Vec::new());

/// A broker.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) address: String,
}

struct Readers {
    /// Sees transactions under way.
    ends: BaseConsumer,
    committed: BaseConsumer,
}

impl Broker {
    pub(crate) fn from_environment() -> Self {
        Self { address: environment("IDP_TEST_KAFKA", "its address, `127.0.0.1:PORT`") }
    }

    pub(crate) async fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            topic = topic.set(name, value);
        }
        let created = self.admin().create_topics([&topic], &AdminOptions::new()).await;
        for result in created.expect("the broker answers") {
            result.expect("the topic is created");
        }
        let (broker, name) = (self.clone(), name.to_owned());
        let known = tokio::task::spawn_blocking(move || broker.await_leaders(&name, partitions));
        known.await.expect("each partition gets a leader");
    }

    fn await_leaders(&self, topic: &str, partitions: i32) {
        let deadline = Instant::now() + ANSWER_TIME;
        self.with_readers(|readers| {
            for partition in 0..partitions {
                let look = || {
                    // What a client knows of a topic stays, also that there is none.
                    readers.ends.fetch_metadata(Some(topic), ANSWER_TIME)?;
                    readers.ends.fetch_watermarks(topic, partition, ANSWER_TIME)
                };
                while let Err(error) = look() {
                    assert!(Instant::now() < deadline, "{topic} has no leader: {error}");
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
    }

    fn with_readers<T>(&self, read: impl FnOnce(&Readers) -> T) -> T {
        let idle = IDLE.lock().expect("no panic").pop();
        let readers = idle.unwrap_or_else(|| self.readers());
        let outcome = read(&readers);
        IDLE.lock().expect("no panic").push(readers);
        outcome
    }

    /// Ends the clients that are kept for other tests, and their threads.
    pub(crate) fn close_readers() {
        IDLE.lock().expect("no panic").clear();
    }

    fn readers(&self) -> Readers {
        let mut ends = self.client();
        ends.set("isolation.level", "read_uncommitted");
        let mut committed = self.client();
        committed
            .set("group.id", "idp-tests")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10");
        let ends = ends.create().expect("a valid configuration");
        Readers { ends, committed: committed.create().expect("a valid configuration") }
    }

    /// Waits until nobody knows it any more.
    pub(crate) async fn delete_topic(&self, topic: &str) {
        let admin = self.admin();
        let deleted = admin.delete_topics(&[topic], &AdminOptions::new()).await;
        deleted.expect("the broker answers").remove(0).expect("the topic is deleted");
    }

    /// Does not wait for it.
    pub(crate) fn delete_topics(&self, topics: Vec<String>) {
        let broker = self.clone();
        std::thread::spawn(move || {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let admin = broker.admin();
            let deleting = admin.delete_topics(&names, &AdminOptions::new());
            // One that fails leaves a topic that nobody uses.
            let _ = runtime.expect("a runtime").block_on(deleting);
        });
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("a valid configuration")
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        client
    }

    /// What subscribers that read committed messages get of the topic, partition by partition.
    pub(crate) async fn stored(&self, topic: &str) -> Vec<Received> {
        let records = self.records(topic).await;
        records.iter().map(Record::received).collect()
    }

    /// The records of the topic, partition by partition.
    pub(crate) async fn records(&self, topic: &str) -> Vec<Record> {
        let (broker, topic) = (self.clone(), topic.to_owned());
        let read = tokio::task::spawn_blocking(move || broker.read(&topic));
        read.await.expect("the topic is read")
    }

    fn read(&self, topic: &str) -> Vec<Record> {
        self.with_readers(|readers| {
            let metadata = readers.ends.fetch_metadata(Some(topic), ANSWER_TIME);
            let metadata = metadata.expect("the broker answers");
            let partitions = i32::try_from(metadata.topics()[0].partitions().len());
            let partitions = partitions.expect("a few");
            let deadline = Instant::now() + SETTLING_TIME;
            for partition in 0..partitions {
                readers.await_settled(topic, partition, deadline);
            }
            readers.read(topic, partitions)
        })
    }
}

impl Readers {
    fn await_settled(&self, topic: &str, partition: i32, deadline: Instant) {
        let end = |consumer: &BaseConsumer| {
            consumer.fetch_watermarks(topic, partition, ANSWER_TIME).expect("the broker answers").1
        };
        let all = end(&self.ends);
        while end(&self.committed) < all && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn read(&self, topic: &str, partitions: i32) -> Vec<Record> {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
        }
        self.committed.assign(&list).expect("partitions");
        let mut records = Vec::new();
        let mut unread: BTreeSet<i32> = (0..partitions).collect();
        let deadline = Instant::now() + ANSWER_TIME;
        while !unread.is_empty() {
            match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => records.push(Record::of(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    unread.remove(&partition);
                }
                Some(Err(_)) | None => {}
            }
            assert!(Instant::now() < deadline, "partitions {unread:?} of {topic} have no end");
        }
        self.committed.unassign().expect("nothing is committed");
        // Within a partition they stay in their order.
        records.sort_by_key(|record| record.partition);
        records
    }
}

/// A record as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) data: Vec<u8>,
    pub(crate) partition: i32,
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |value: Option<&[u8]>| {
            String::from_utf8(value.unwrap_or_default().to_vec()).expect("UTF-8")
        };
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers: Vec<_> =
            headers.map(|header| (header.key.to_owned(), text(header.value))).collect();
        let count = headers.len();
        let headers = BTreeMap::from_iter(headers);
        assert_eq!(headers.len(), count, "a header comes twice");
        Self {
            key: message.key().unwrap_or_default().to_vec(),
            headers,
            data: message.payload().unwrap_or_default().to_vec(),
            partition: message.partition(),
        }
    }

    fn received(&self) -> Received {
        let attributes = self.headers.iter().filter_map(|(name, value)| {
            name.strip_prefix("ce_").map(|name| (name.to_owned(), value.clone()))
        });
        Received {
            attributes: attributes.collect(),
            content_type: self.headers.get("content-type").cloned().unwrap_or_default(),
            data: self.data.clone(),
        }
    }
}

/// The numbers of messages, in their order.
pub(crate) fn numbers(records: &[Record]) -> Vec<i64> {
    let number = |record: &Record| record.headers["ce_sequence"].parse();
    records.iter().map(|record| number(record).expect("a number")).collect()
}
