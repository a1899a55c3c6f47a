//! How the bus reaches Kafka, and how it works there.

use idp_application::{Error, ErrorKind, out_of_bounds};
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The configuration of a [`KafkaBus`](crate::KafkaBus), which checks it when it connects.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// The brokers to ask first, as `host:port`, separated by commas.
    pub brokers: String,
    /// What the transactional ids and the keys of the positions start with, before the name of the
    /// stream: letters, digits, `.`, `_` and `-`. It tells services and environments that share a
    /// cluster apart, and must stay the same for ever: under another one no position is found.
    pub prefix: String,
    /// What is promised about duplicates, and what it costs.
    pub delivery: Delivery,
    /// The topic that positions are kept in. It is made if there is none. Services may share it.
    pub positions_topic: String,
    /// The most bytes of data that a message may have. Larger ones are refused before they are sent. Topics
    /// have to allow for 64 KiB more, for key and headers, in `max.message.bytes`.
    pub data_bytes_max: u32,
    /// The most bytes of messages that are sent in one record batch. Set it below the `max.message.bytes`
    /// of every topic: a batch that is larger is refused as a whole, and its messages then go one by
    /// one, which is slow.
    pub batch_bytes: u32,
    /// How record batches are compressed.
    pub compression: Compression,
    /// How long a record batch is held back for more messages to join it.
    pub linger: Duration,
    /// How long each step may take: to connect, to wait until the stream may be taken over, to look where it
    /// stands, to become its producer, to read where it stands now, to say so, to send a batch and commit
    /// it; a commit that was begun has a second at least. Set it below the relay's time for a send
    /// (`publish_timeout`, 5 s unless it is changed), or the relay is always the first to lose patience, and
    /// waits for the step it gave up. A crashed worker's transaction holds up subscribers for at most twice
    /// as long.
    pub step_timeout: Duration,
    /// After how long without messages the producer of a stream is closed.
    pub producer_idle_max: Duration,
    /// The most producers at one time. Each has four threads of its own or more; streams
    /// beyond this number take turns.
    pub producers_max: u32,
    /// Properties of librdkafka for security and connections, such as `security.protocol` and
    /// `sasl.password`. Those that the guarantees depend on are refused.
    pub properties: BTreeMap<String, String>,
}

/// What is promised about duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Every batch is a transaction that also writes the position of its stream: each event is stored once
    /// for subscribers that read committed messages, and a worker that lost its lease is fenced.
    Transactional,
    /// Acknowledged by all replicas in sync, in order, without a transaction: what was sent when the connection
    /// or the process was lost may be stored again. Nobody is fenced.
    Idempotent,
}

/// How record batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// By LZ4.
    Lz4,
    /// By Snappy.
    Snappy,
}

impl KafkaConfig {
    /// The usual configuration for those brokers, with names that start with the prefix.
    pub fn new(brokers: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: prefix.into(),
            delivery: Delivery::Transactional,
            positions_topic: "idp-positions".to_owned(),
            data_bytes_max: 900_000,
            batch_bytes: 900_000,
            compression: Compression::Lz4,
            linger: Duration::from_millis(1),
            step_timeout: Duration::from_secs(4),
            producer_idle_max: Duration::from_secs(60),
            producers_max: 256,
            properties: BTreeMap::new(),
        }
    }

    /// The most bytes of a message with its key and headers.
    pub(crate) fn message_bytes_max(&self) -> u32 {
        self.data_bytes_max + HEAD_BYTES_MAX
    }

    /// All that is wrong with the configuration, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let idle = Duration::from_millis(100)..=minute * 60 * 24;
        faults.extend(out_of_bounds("data_bytes_max", self.data_bytes_max, &SIZES));
        faults.extend(out_of_bounds("batch_bytes", self.batch_bytes, &SIZES));
        faults.extend(out_of_bounds("linger", self.linger, &(Duration::ZERO..=second)));
        faults.extend(out_of_bounds("step_timeout", self.step_timeout, &(second..=minute * 5)));
        faults.extend(out_of_bounds("producer_idle_max", self.producer_idle_max, &idle));
        faults.extend(out_of_bounds("producers_max", self.producers_max, &(1..=400)));
        faults.extend(self.brokers.trim().is_empty().then(|| "`brokers` must not be empty".into()));
        faults.extend(name_fault("prefix", &self.prefix));
        faults.extend(name_fault("positions_topic", &self.positions_topic));
        faults.extend(self.properties.keys().filter_map(|name| property_fault(name)));
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "configure Kafka", faults.join("; ")))
    }
}

/// Values of properties may be secrets.
impl Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("prefix", &self.prefix)
            .field("delivery", &self.delivery)
            .field("positions_topic", &self.positions_topic)
            .field("data_bytes_max", &self.data_bytes_max)
            .field("batch_bytes", &self.batch_bytes)
            .field("compression", &self.compression)
            .field("linger", &self.linger)
            .field("step_timeout", &self.step_timeout)
            .field("producer_idle_max", &self.producer_idle_max)
            .field("producers_max", &self.producers_max)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

/// What is left for the key and the headers of a message.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// librdkafka sends no batch below 1,000 bytes and no message above 1,000,000,000.
const SIZES: RangeInclusive<u32> = 1_000..=100_000_000;

/// What [`KafkaConfig::properties`] may set.
const OPEN_PROPERTIES: [&str; 12] = [
    "sasl.",
    "ssl.",
    "enable.ssl.",
    "security.protocol",
    "client.id",
    "client.rack",
    "client.dns.lookup",
    "broker.address.",
    "socket.",
    "reconnect.",
    "connections.max.idle.ms",
    "debug",
];

fn property_fault(name: &str) -> Option<String> {
    let is_open = OPEN_PROPERTIES
        .iter()
        .any(|open| if open.ends_with('.') { name.starts_with(open) } else { name == *open });
    (!is_open).then(|| {
        let open = OPEN_PROPERTIES.join(", ");
        format!("`properties` may only hold those that start with {open}; got {name:?}")
    })
}

fn name_fault(field: &str, name: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
    let fits = (1..=100).contains(&name.len()) && name.chars().all(is_plain);
    (!fits).then(|| {
        format!("`{field}` must be 1 to 100 letters, digits, `.`, `_` or `-`, got {name:?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_valid() {
        assert!(KafkaConfig::new("127.0.0.1:9092", "orders-").check().is_ok());
    }

    /// `RelayConfig::publish_timeout`, unless it is changed.
    const RELAY_PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn the_bus_loses_patience_before_the_relay_does() {
        assert!(KafkaConfig::new("", "orders-").step_timeout < RELAY_PATIENCE);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_field_bound_and_value() {
        let config = KafkaConfig {
            step_timeout: Duration::from_millis(10),
            producers_max: 0,
            properties: BTreeMap::from([("acks".into(), "1".into())]),
            ..KafkaConfig::new(" ", "or/ders")
        };
        let error = config.check().expect_err("five faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let message = error.message();
        for fault in [
            "`step_timeout` must be within 1s..=300s, got 10ms",
            "`producers_max` must be within 1..=400, got 0",
            "`brokers` must not be empty",
            "`prefix` must be 1 to 100 letters, digits, `.`, `_` or `-`, got \"or/ders\"",
            "got \"acks\"",
        ] {
            assert!(message.contains(fault), "{fault} is not in {message}");
        }
    }

    #[test]
    fn the_values_of_properties_are_not_shown() {
        let mut config = KafkaConfig::new("127.0.0.1:9092", "orders-");
        config.properties.insert("sasl.password".into(), "hush".into());
        assert!(config.check().is_ok());
        let shown = format!("{config:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hush"), "{shown}");
    }
}
