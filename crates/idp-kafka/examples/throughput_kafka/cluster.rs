//! The broker that is measured, and the topics on it.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

const PARTITIONS: i32 = 6;

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) address: String,
    pub(crate) id: String,
    pub(crate) topic: Arc<str>,
    pub(crate) positions: String,
}

impl Cluster {
    /// The one that `IDP_TEST_KAFKA` names, with a new topic.
    pub(crate) async fn from_environment() -> Self {
        let address = std::env::var("IDP_TEST_KAFKA").expect("IDP_TEST_KAFKA=HOST:PORT is set");
        let id = format!("throughput-{:08x}", RandomState::new().hash_one("idp") as u32);
        let (topic, positions) = (id.clone().into(), format!("{id}-positions"));
        let cluster = Self { address, id, topic, positions };
        let topic = NewTopic::new(&cluster.topic, PARTITIONS, TopicReplication::Fixed(-1));
        let created = cluster.admin().create_topics([&topic], &AdminOptions::new()).await;
        created.expect("the broker answers").remove(0).expect("the topic is created");
        cluster
    }

    pub(crate) async fn remove(self) {
        let topics: [&str; 2] = [&self.topic, &self.positions];
        let removed = self.admin().delete_topics(&topics, &AdminOptions::new()).await;
        removed.expect("the broker answers");
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        client
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("a valid configuration")
    }
}
