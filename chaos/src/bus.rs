//! The buses that a run can be about: how each is prepared, reached, and read back by a client that
//! is not ours.

mod kafka;
mod nats;
mod pulsar;
mod rabbitmq;
mod rabbitmq_streams;
mod redis;

use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::Reader;
use idp_application::EventBus;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a broker may take to answer: less than a relay waits for a send.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1_500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A reader that hears nothing for so long has read what there is, for now.
const QUIET: Duration = Duration::from_millis(300);

/// While writers write it may never be quiet: a reading is no longer than this.
const READING_MAX: Duration = Duration::from_secs(2);

/// One reading.
struct Reading(Instant);

impl Reading {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn goes_on(&self) -> bool {
        self.0.elapsed() < READING_MAX
    }
}

/// A bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bus {
    /// JetStream in strict mode.
    Nats,
    Redis,
    /// A queue behind an exchange.
    Rabbitmq,
    RabbitmqStreams,
    /// With transactions.
    Kafka,
    Pulsar,
}

/// Where the broker of a bus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// What the bus connects to.
    pub(crate) broker: String,
    /// What whoever prepares or reads it needs beside that, or the same.
    pub(crate) admin: String,
    /// The port of a proxy, and what it forwards to, where the broker says where it is to be found.
    pub(crate) relayed: Option<(u16, String)>,
}

impl Bus {
    pub(crate) const ALL: [Self; 6] =
        [Self::Nats, Self::Redis, Self::Rabbitmq, Self::RabbitmqStreams, Self::Kafka, Self::Pulsar];

    /// On the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
            Self::RabbitmqStreams => "rabbitmq-streams",
            Self::Kafka => "kafka",
            Self::Pulsar => "pulsar",
        }
    }

    /// The name of its broker in orders.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::RabbitmqStreams => "rabbitmq",
            other => other.name(),
        }
    }

    /// From what `cargo xtask` says: the values of the variables for tests.
    pub(crate) fn addresses(self, told: &str) -> Outcome<Addresses> {
        let mut words = told.split(' ').map(str::to_owned);
        let first = words.next().unwrap_or_default();
        let second = words.next().unwrap_or_else(|| first.clone());
        let (broker, admin) = match self {
            Self::Rabbitmq => (first.clone(), first),
            Self::RabbitmqStreams => (second, first),
            Self::Kafka => {
                // Any of them will do.
                let relayed = second.split(',').next().and_then(|pair| pair.split_once(':'));
                let (port, target) = relayed.ok_or("Kafka is relayed from where?")?;
                let relayed = Some((port.parse()?, format!("127.0.0.1:{target}")));
                return Ok(Addresses { broker: first.clone(), admin: first, relayed });
            }
            _ => (first, second),
        };
        Ok(Addresses { broker, admin, relayed: None })
    }

    /// Makes what events are published to.
    pub(crate) async fn prepare(self, place: &Place) -> Outcome {
        match self {
            Self::Nats => nats::prepare(place).await,
            Self::Redis => Ok(()),
            Self::Rabbitmq => rabbitmq::prepare(place).await,
            Self::RabbitmqStreams => rabbitmq_streams::prepare(place).await,
            Self::Kafka => kafka::prepare(place).await,
            Self::Pulsar => pulsar::prepare(place).await,
        }
    }

    /// The bus under test.
    pub(crate) async fn connect(self, place: &Place) -> Outcome<Arc<dyn EventBus>> {
        match self {
            Self::Nats => nats::connect(place).await,
            Self::Redis => redis::connect(place).await,
            Self::Rabbitmq => rabbitmq::connect(place).await,
            Self::RabbitmqStreams => rabbitmq_streams::connect(place).await,
            Self::Kafka => kafka::connect(place).await,
            Self::Pulsar => pulsar::connect(place).await,
        }
    }

    /// What events are published to.
    pub(crate) fn topic(self, place: &Place) -> String {
        match self {
            Self::Nats => format!("{}.tallies", place.stream),
            Self::Rabbitmq => format!("{}/tallies", place.stream),
            Self::Pulsar => format!("persistent://public/default/{}", place.stream),
            Self::Redis | Self::RabbitmqStreams | Self::Kafka => place.stream.clone(),
        }
    }

    /// Reads from the first message that is there.
    pub(crate) fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Nats => Box::<nats::Stream>::default(),
            Self::Redis => Box::<redis::Keys>::default(),
            Self::Rabbitmq => Box::<rabbitmq::Queue>::default(),
            Self::RabbitmqStreams => Box::<rabbitmq_streams::Stream>::default(),
            Self::Kafka => Box::<kafka::Partitions>::default(),
            Self::Pulsar => Box::<pulsar::Topic>::default(),
        }
    }

    /// How long the lanes of a worker wait that says nothing any more. Taking a stream over in Kafka or
    /// Pulsar takes several round trips to a broker in Java.
    pub(crate) fn lease_ttl(self) -> Duration {
        match self {
            Self::Kafka | Self::Pulsar => Duration::from_secs(10),
            _ => Duration::from_secs(4),
        }
    }

    /// How many lanes the outbox has. In Kafka each has a producer of its own, with its threads.
    pub(crate) fn lanes(self) -> u16 {
        if self == Self::Kafka { 16 } else { 64 }
    }

    /// Whether it can be read again from the first message. A queue is read once.
    pub(crate) fn keeps_what_was_read(self) -> bool {
        self != Self::Rabbitmq
    }

    /// Whether messages of one lane and different aggregates may be stored in another order than
    /// that of their numbers.
    pub(crate) fn orders_aggregates_only(self) -> bool {
        matches!(self, Self::Rabbitmq | Self::Kafka)
    }

    /// Whether a proxy between it and a relay can cut it off. A client of Pulsar asks where a topic
    /// is and goes there, past the proxy.
    pub(crate) fn can_be_cut(self) -> bool {
        self != Self::Pulsar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bus_knows_its_addresses() {
        let streams = Bus::RabbitmqStreams.addresses("amqp://x:1 x:2").expect("two");
        let queue = Bus::Rabbitmq.addresses("amqp://x:1 x:2").expect("two");
        assert_eq!((queue.broker.as_str(), queue.admin.as_str()), ("amqp://x:1", "amqp://x:1"));
        assert_eq!((streams.broker.as_str(), streams.admin.as_str()), ("x:2", "amqp://x:1"));
        let kafka = Bus::Kafka.addresses("x:1 7:8,9:10").expect("two");
        assert_eq!(kafka.relayed, Some((7, "127.0.0.1:8".to_owned())));
        let nats = Bus::Nats.addresses("nats://x:1").expect("one");
        assert_eq!(nats.broker, nats.admin);
        assert!(Bus::Kafka.addresses("x:1").is_err());
    }
}
