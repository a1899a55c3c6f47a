//! The same records by librdkafka alone, as fast as it goes: their headers are made beforehand.

use crate::cluster::Cluster;
use idp_application::Message;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::Duration;

const ANSWER_TIME: Duration = Duration::from_secs(30);
/// `flush` and `commit_transaction` of the client look for answers a tenth of a second long, whether
/// they come or not. This is what makes it fast.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) struct Record {
    topic: String,
    key: String,
    headers: OwnedHeaders,
    data: Vec<u8>,
}

pub(crate) fn records(messages: &[Message]) -> Vec<Record> {
    messages.iter().map(record).collect()
}

fn record(message: &Message) -> Record {
    let content_type = message.event.content_type.as_ref();
    let mut headers =
        OwnedHeaders::new().insert(Header { key: "content-type", value: Some(content_type) });
    for (name, value) in message.attributes() {
        headers = headers.insert(Header { key: &format!("ce_{name}"), value: Some(&value) });
    }
    Record {
        topic: message.topic.to_string(),
        key: message.event.partition_key(),
        headers,
        data: message.event.data.to_vec(),
    }
}

fn client(cluster: &Cluster) -> ClientConfig {
    let mut client = cluster.client();
    client
        .set("compression.codec", "lz4")
        .set("batch.size", "900000")
        .set("linger.ms", "1")
        .set("partitioner", "murmur2_random");
    client
}

fn send(producer: &BaseProducer, records: &[Record]) {
    for record in records {
        let sent = producer.send(
            BaseRecord::to(&record.topic)
                .key(&record.key)
                .payload(&record.data)
                .headers(record.headers.clone()),
        );
        sent.map_err(|(error, _)| error).expect("the buffer has room for a batch");
    }
}

fn drain(producer: &BaseProducer) {
    while producer.in_flight_count() > 0 {
        producer.poll(LOOK);
    }
}

/// One transaction for each batch.
pub(crate) struct BareTransactional {
    producer: BaseProducer,
    positions: Option<String>,
}

impl BareTransactional {
    pub(crate) fn new(cluster: &Cluster, id: &str) -> Self {
        let producer: BaseProducer =
            client(cluster).set("transactional.id", id).create().expect("a valid configuration");
        producer.init_transactions(ANSWER_TIME).expect("the broker answers");
        Self { producer, positions: None }
    }

    /// With one more record in each transaction, in another topic.
    pub(crate) fn with_positions(cluster: &Cluster, id: &str) -> Self {
        Self { positions: Some(cluster.positions.clone()), ..Self::new(cluster, id) }
    }

    pub(crate) fn send(&self, records: &[Record], batch: usize) {
        for records in records.chunks(batch) {
            self.producer.begin_transaction().expect("none is open");
            send(&self.producer, records);
            if let Some(positions) = &self.positions {
                let position = BaseRecord::to(positions).partition(0).key("bare").payload("1");
                let sent = self.producer.send(position);
                sent.map_err(|(error, _)| error).expect("the buffer has room for it");
            }
            drain(&self.producer);
            self.producer.commit_transaction(ANSWER_TIME).expect("committed");
        }
    }
}

/// Waits for the answers to each batch.
pub(crate) struct BareIdempotent {
    producer: BaseProducer,
}

impl BareIdempotent {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let producer = client(cluster).set("enable.idempotence", "true").create();
        Self { producer: producer.expect("a valid configuration") }
    }

    pub(crate) fn send(&self, records: &[Record], batch: usize) {
        for records in records.chunks(batch) {
            send(&self.producer, records);
            drain(&self.producer);
        }
    }
}
