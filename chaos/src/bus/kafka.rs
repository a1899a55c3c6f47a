//! Kafka, as subscribers see it that read committed messages.

use super::{QUIET, Reading};
use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::{Found, Reader};
use idp_application::{BoxFuture, EventBus};
use idp_kafka::{KafkaBus, KafkaConfig};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::Duration;

const PARTITIONS: i32 = 3;
/// To connect, to take over a stream, to commit: each takes several round trips.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn prepare(place: &Place) -> Outcome {
    let admin: AdminClient<DefaultClientContext> = client(place).create()?;
    let topic = NewTopic::new(&place.stream, PARTITIONS, TopicReplication::Fixed(1));
    for created in admin.create_topics([&topic], &AdminOptions::new()).await? {
        created.map_err(|(topic, code)| format!("{topic} cannot be made: {code}"))?;
    }
    Ok(())
}

pub(super) async fn connect(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let prefix = format!("{}-", place.stream);
    let config = KafkaConfig {
        positions_topic: format!("{prefix}positions"),
        step_timeout: STEP_TIMEOUT,
        ..KafkaConfig::new(&place.broker, prefix)
    };
    Ok(Arc::new(KafkaBus::connect(config).await?))
}

fn client(place: &Place) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &place.admin);
    client
}

/// A consumer that stands where it has read to.
#[derive(Default)]
pub(super) struct Partitions(Option<Arc<BaseConsumer>>);

impl Partitions {
    async fn read(&mut self, place: &Place, all: &mut Vec<Found>) -> Outcome {
        let consumer = match &self.0 {
            Some(consumer) => Arc::clone(consumer),
            None => {
                let consumer = Arc::new(consumer(place)?);
                self.0 = Some(Arc::clone(&consumer));
                consumer
            }
        };
        all.extend(tokio::task::spawn_blocking(move || read(&consumer)).await??);
        Ok(())
    }
}

impl Reader for Partitions {
    fn read_on<'a>(
        &'a mut self,
        place: &'a Place,
        all: &'a mut Vec<Found>,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(self.read(place, all))
    }
}

fn consumer(place: &Place) -> Outcome<BaseConsumer> {
    let consumer: BaseConsumer = client(place)
        .set("group.id", format!("{}-reader", place.stream))
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "50")
        .set("reconnect.backoff.max.ms", "500")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(&place.stream, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

fn read(consumer: &BaseConsumer) -> Outcome<Vec<Found>> {
    let (mut all, reading) = (Vec::new(), Reading::begin());
    while reading.goes_on()
        && let Some(message) = consumer.poll(QUIET)
    {
        // An error is that of a broker that was away: it tries again by itself.
        if let Ok(message) = message {
            all.push(found(&message)?);
        }
    }
    Ok(all)
}

fn found(message: &BorrowedMessage<'_>) -> Outcome<Found> {
    Found::on(format!("partition {}", message.partition()), |name| {
        let mut headers = message.headers()?.iter();
        let header = headers.find(|header| header.key.strip_prefix("ce_") == Some(name))?;
        header.value.map(|value| String::from_utf8_lossy(value).into_owned())
    })
}
