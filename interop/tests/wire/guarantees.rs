//! docs/buses.md says of each bus what the bus says of itself.

use crate::bounded;
use crate::broker::{unique, variable};
use async_nats::jetstream::{self, stream};
use idp_application::{BusGuarantees, Duplicates, EventBus, SystemClock};
use idp_kafka::{Delivery, KafkaBus, KafkaConfig};
use idp_memory::{ConsoleBus, MemoryBus};
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use idp_pulsar::{Access, PulsarBus, PulsarConfig};
use idp_rabbitmq::{RabbitBus, RabbitConfig, RabbitStreamBus, RabbitStreamConfig};
use idp_redis::{RedisBus, RedisConfig};
use idp_webhook::{MemoryEndpoints, WebhookBus, WebhookConfig};
use std::sync::Arc;
use std::time::Duration;

const DOCUMENT: &str = include_str!("../../../docs/buses.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_buses_is_what_they_declare() {
    bounded(async {
        for mode in [Deduplication::Window, Deduplication::Strict] {
            is_listed(&format!("NATS, `{mode:?}`"), &nats(mode, false).await);
        }
        is_listed("NATS, `Strict` with marks", &nats(Deduplication::Strict, true).await);
        for delivery in [Delivery::Transactional, Delivery::Idempotent] {
            is_listed(&format!("Kafka, `{delivery:?}`"), &kafka(delivery).await);
        }
        for access in [Access::Shared, Access::Exclusive] {
            is_listed(&format!("Pulsar, `{access:?}`"), &pulsar(access).await);
        }
        let redis = RedisConfig::new(variable("IDP_TEST_REDIS"), "shop");
        is_listed("Redis Streams", &RedisBus::connect(redis).await.expect("it is there"));
        let queues = RabbitConfig::at(variable("IDP_TEST_RABBITMQ"));
        is_listed("RabbitMQ, queues", &RabbitBus::connect(queues).await.expect("it is there"));
        let streams = RabbitStreamConfig::at(variable("IDP_TEST_RABBITMQ_STREAM"), "interop");
        let streams = RabbitStreamBus::connect(streams).await.expect("it is there");
        is_listed("RabbitMQ, streams", &streams);
        let endpoints = Arc::new(MemoryEndpoints::default());
        let webhooks = WebhookBus::new(WebhookConfig::new(), endpoints, Arc::new(SystemClock));
        is_listed("Webhooks", &webhooks.expect("a configuration"));
        is_listed("Console", &ConsoleBus::to(std::io::sink()));
        is_listed("Memory", &MemoryBus::default());
    })
    .await;
}

fn is_listed(name: &str, bus: &dyn EventBus) {
    let BusGuarantees { duplicates, fences_zombies, .. } = bus.guarantees();
    let duplicates = match duplicates {
        Duplicates::Never => "never".to_owned(),
        Duplicates::NeverWithin(time) => format!("never within {}", minutes(time)),
        Duplicates::Possible => "possible".to_owned(),
    };
    let fenced = if fences_zombies { "yes" } else { "no" };
    let row = format!("| {name} | {duplicates} | {fenced} |");
    assert!(DOCUMENT.contains(&row), "docs/buses.md has no row {row}");
}

fn minutes(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    if minutes.is_multiple_of(60) {
        format!("{} h", minutes / 60)
    } else {
        format!("{minutes} min")
    }
}

async fn nats(mode: Deduplication, marks_takeovers: bool) -> NatsBus {
    let (url, name) = (variable("IDP_TEST_NATS"), unique());
    let client = async_nats::connect(url.trim_start_matches("nats://")).await.expect("it is there");
    let jetstream = jetstream::new(client);
    let subjects = vec![format!("{name}.>")];
    let config = stream::Config { name: name.clone(), subjects, ..Default::default() };
    jetstream.create_stream(config).await.expect("the server has JetStream");
    let mut config = NatsConfig::new(url, "shop", [&name]);
    config.deduplication = mode;
    config.marks_takeovers = marks_takeovers;
    let bus = NatsBus::connect(config).await.expect("the server takes connections");
    jetstream.delete_stream(&name).await.expect("it is there");
    bus
}

async fn kafka(delivery: Delivery) -> KafkaBus {
    let prefix = format!("{}-", unique());
    let positions_topic = format!("{prefix}positions");
    let config = KafkaConfig::new(variable("IDP_TEST_KAFKA"), prefix);
    let config = KafkaConfig { delivery, positions_topic, ..config };
    KafkaBus::connect(config).await.expect("the broker answers")
}

async fn pulsar(access: Access) -> PulsarBus {
    let config = PulsarConfig::for_service("shop", variable("IDP_TEST_PULSAR"));
    PulsarBus::connect(PulsarConfig { access, ..config }).await.expect("the broker is there")
}
