//! The broker that librdkafka brings along, for what a real one answers only when it is set up for it.

use crate::KafkaConfig;
use idp_application::{CloudEvent, Lane, Message, Stream, Track};
use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
pub(crate) use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer};
use std::sync::Arc;

pub(crate) type Broker = MockCluster<'static, DefaultProducerContext>;

pub(crate) const OK: Answer = Answer::RD_KAFKA_RESP_ERR_NO_ERROR;

/// It has the topics `a` and `b`.
pub(crate) fn broker() -> (Broker, Arc<KafkaConfig>) {
    let broker = MockCluster::new(1).expect("it starts");
    let config = KafkaConfig::new(broker.bootstrap_servers(), "test-");
    for (topic, partitions) in [(config.positions_topic.as_str(), 16), ("a", 1), ("b", 1)] {
        broker.create_topic(topic, partitions, 1).expect("created");
    }
    (broker, Arc::new(config))
}

pub(crate) fn stream() -> Arc<Stream> {
    let lane = Lane::from_number(0);
    Arc::new(Stream { target: "letters".into(), lane, track: Track::Main })
}

pub(crate) fn message(topic: &str, sequence: i64) -> Message {
    let record = EventRecord {
        event_id: Uuid::from_u128(1),
        occurred_at: Timestamp::from_unix_micros(1),
        tenant: TenantId::new("acme").expect("valid"),
        aggregate_type: "letter".into(),
        aggregate_id: Uuid::from_u128(1),
        aggregate_version: sequence,
        event_type: "letter.sent".into(),
        schema_id: "letter.sent".into(),
        schema_version: 1,
        payload: "{}".into(),
        metadata: [(EventRecord::ACTOR.to_owned(), "ann".to_owned())].into(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    let event = CloudEvent::of(envelope, "/letters".into());
    Message { topic: topic.into(), event, stream: stream(), sequence, epoch: 1 }
}
