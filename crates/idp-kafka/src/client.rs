//! How the clients of librdkafka are set up.

use crate::reports::{Reports, log};
use crate::{Compression, KafkaConfig};
use rdkafka::admin::AdminClient;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::BaseProducer;
use std::time::Duration;

pub(crate) type Producer = BaseProducer<Reports>;
pub(crate) type Consumer = BaseConsumer<Quiet>;
pub(crate) type Admin = AdminClient<Quiet>;

/// The client of a stream, stored once.
pub(crate) fn transactional_producer(
    config: &KafkaConfig,
    transactional_id: &str,
) -> KafkaResult<Producer> {
    let mut client = producer(config);
    client.set("transactional.id", transactional_id);
    // A worker gives up first: what the broker ends behind its back looks as if it was fenced.
    client.set("transaction.timeout.ms", milliseconds(config.step_timeout * 2));
    Producer::from_config_and_context(&client, Reports::default())
}

/// The client of a stream without transactions.
pub(crate) fn idempotent_producer(config: &KafkaConfig) -> KafkaResult<Producer> {
    let mut client = producer(config);
    client.set("enable.idempotence", "true");
    // A record that cannot be stored stops those behind it.
    client.set("enable.gapless.guarantee", "true");
    // A send that takes too long ends as a whole, not record by record.
    client.set("message.timeout.ms", "0");
    Producer::from_config_and_context(&client, Reports::default())
}

fn producer(config: &KafkaConfig) -> ClientConfig {
    let compression = match config.compression {
        Compression::None => "none",
        Compression::Lz4 => "lz4",
        Compression::Snappy => "snappy",
    };
    let mut client = client(config);
    client
        .set("allow.auto.create.topics", "false")
        .set("message.max.bytes", config.message_bytes_max().to_string())
        .set("batch.size", config.batch_bytes.to_string())
        .set("compression.codec", compression)
        .set("linger.ms", config.linger.as_millis().to_string())
        // The same partition for a key as clients in Java choose.
        .set("partitioner", "murmur2_random")
        // The topics are looked up before the first record goes out.
        .set("topic.metadata.propagation.max.ms", "1000");
    client
}

/// Reads committed positions, up to the end and no further.
pub(crate) fn committed_reader(config: &KafkaConfig) -> KafkaResult<Consumer> {
    let mut client = client(config);
    client
        // It joins no group, but without a name librdkafka assigns no partition.
        .set("group.id", format!("{}positions", config.prefix))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10");
    Consumer::from_config_and_context(&client, Quiet)
}

/// Sees where a partition ends, transactions under way included.
pub(crate) fn end_reader(config: &KafkaConfig) -> KafkaResult<Consumer> {
    let mut client = client(config);
    client.set("isolation.level", "read_uncommitted");
    Consumer::from_config_and_context(&client, Quiet)
}

pub(crate) fn admin(config: &KafkaConfig) -> KafkaResult<Admin> {
    Admin::from_config_and_context(&client(config), Quiet)
}

/// What all clients share. That the properties are valid shows when the first one is made.
fn client(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in &config.properties {
        client.set(name, value);
    }
    client
        .set("bootstrap.servers", &config.brokers)
        // Back soon after an outage.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("log.connection.close", "false")
        .set("enable.metrics.push", "false");
    client
}

fn milliseconds(time: Duration) -> String {
    time.as_millis().to_string()
}

/// A client whose failures are all returned.
#[derive(Debug)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client");
    }
}

impl ConsumerContext for Quiet {}
