//! Kafka, seen by a plain consumer.

use crate::broker::{pairs, to, unique, variable};
use crate::publish;
use idp_application::Message;
use idp_kafka::{KafkaBus, KafkaConfig};
use interop::Sighting;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn carry(message: &Message) -> Sighting {
    let (broker, prefix) = (variable("IDP_TEST_KAFKA"), format!("{}-", unique()));
    let topic = format!("{prefix}{}", message.topic);
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &broker);
    let admin: AdminClient<DefaultClientContext> = client.create().expect("a configuration");
    let wanted = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    let created = admin.create_topics([&wanted], &AdminOptions::new()).await;
    created.expect("the broker answers").remove(0).expect("a new topic");

    let positions_topic = format!("{prefix}positions");
    let config = KafkaConfig { positions_topic, ..KafkaConfig::new(broker, &prefix) };
    let bus = KafkaBus::connect(config.clone()).await.expect("the broker answers");
    publish(&bus, &to(message, &topic)).await;
    drop(bus);

    let reading = {
        let topic = topic.clone();
        tokio::task::spawn_blocking(move || read(&client, &topic))
    };
    let mut seen = reading.await.expect("it is read");
    let topics = [topic.as_str(), config.positions_topic.as_str()];
    admin.delete_topics(&topics, &AdminOptions::new()).await.expect("the broker answers");
    seen.place = seen.place.replace(&prefix, "");
    seen
}

fn read(client: &ClientConfig, topic: &str) -> Sighting {
    let mut client = client.clone();
    client.set("group.id", "idp-interop").set("isolation.level", "read_committed");
    let consumer: BaseConsumer = client.create().expect("a configuration");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("a partition");
    let deadline = Instant::now() + PATIENCE;
    let seen = loop {
        assert!(Instant::now() < deadline, "nothing is in {topic}");
        if let Some(Ok(seen)) = consumer.poll(Duration::from_millis(100)) {
            break seen.detach();
        }
    };
    let text =
        |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
    let headers = seen.headers().expect("it has headers").iter();
    Sighting {
        place: seen.topic().to_owned(),
        key: Some(text(seen.key())),
        headers: pairs(headers.map(|header| (header.key, text(header.value)))),
        body: seen.payload().unwrap_or_default().to_vec(),
        ..Sighting::default()
    }
}
