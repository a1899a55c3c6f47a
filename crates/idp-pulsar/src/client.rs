//! What is asked of the brokers: where topics are, how many partitions they have, to let a producer in.

use crate::command::{Command, LookupAnswer, LookupResponse};
use crate::connection::Connection;
use crate::connections::{Address, Connections};
use crate::error::Failure;
use crate::producer::{Opening, Producer, ProducerIds};
use crate::recent::Recent;
use crate::service_url::{Host, ServiceUrl};
use crate::topic::Topic;
use crate::{Deduplication, PulsarConfig};
use idp_application::Error;
use std::sync::Arc;

/// How many brokers may send us on to another before we stop.
const REDIRECTS_MAX: u32 = 20;

pub(crate) struct Client {
    pub(crate) config: PulsarConfig,
    connections: Connections,
    ids: ProducerIds,
    partitions: Recent<u32>,
    /// The partitions that were found not to drop duplicates.
    without_deduplication: Recent<()>,
}

impl Client {
    pub(crate) fn new(config: PulsarConfig) -> Result<Self, Error> {
        let service = config.check()?;
        let connections = Connections::new(&config, service).map_err(Failure::while_connecting)?;
        Ok(Self {
            config,
            connections,
            ids: ProducerIds::default(),
            partitions: Recent::default(),
            without_deduplication: Recent::default(),
        })
    }

    /// A connection to any of the brokers.
    pub(crate) async fn connect(&self) -> Result<Arc<Connection>, Failure> {
        Ok(self.connections.any().await?.0)
    }

    /// How many partitions the topic has; 0 if it is not partitioned.
    pub(crate) async fn partitions(&self, topic: &Topic) -> Result<u32, Failure> {
        if let Some(partitions) = self.partitions.get(topic) {
            return Ok(partitions);
        }
        let (connection, _) = self.connections.any().await?;
        let within = self.config.request_timeout;
        let question = |request| Command::partitions(topic.as_str(), request);
        let answer = connection.ask(within, question).await?.partitions_response;
        let answer = answer.ok_or_else(|| off_protocol("partitions"))?;
        if let Some(code) = answer.error {
            return Err(Failure::of_broker(code, answer.message.as_deref().unwrap_or_default()));
        }
        let partitions = answer.partitions.unwrap_or(0);
        self.partitions.insert(topic.clone(), partitions);
        Ok(partitions)
    }

    /// Opens a producer at the broker that has the topic.
    pub(crate) async fn open(&self, opening: Opening) -> Result<Producer, Failure> {
        let topic = opening.topic.clone();
        let connection = self.broker_of(&topic).await?;
        let within = self.config.request_timeout;
        let producer = Producer::open(connection, opening, &self.ids, within).await?;
        if !self.is_proven(&producer) && self.lacks_deduplication(&topic) {
            return Err(without_deduplication(&topic));
        }
        Ok(producer)
    }

    /// Whether it is certain that the partition drops duplicates: only then it knows the last number
    /// of a producer that sent before.
    pub(crate) fn is_proven(&self, producer: &Producer) -> bool {
        self.config.deduplication == Deduplication::Off || producer.last() >= 0
    }

    /// Proves that the partition drops duplicates by what it remembers of a producer, which has sent
    /// that number.
    pub(crate) async fn prove(
        &self,
        producer: &mut Producer,
        sequence: i64,
    ) -> Result<(), Failure> {
        producer.reopen(&self.ids, self.config.request_timeout).await?;
        if producer.last() >= sequence {
            return Ok(());
        }
        let topic = producer.topic();
        self.without_deduplication.insert(topic.clone(), ());
        Err(without_deduplication(topic))
    }

    fn lacks_deduplication(&self, topic: &Topic) -> bool {
        self.without_deduplication.get(topic).is_some()
    }

    /// A connection to the broker that has the topic.
    async fn broker_of(&self, topic: &Topic) -> Result<Arc<Connection>, Failure> {
        let (mut connection, mut host) = self.connections.any().await?;
        let service = host.clone();
        let mut is_authoritative = false;
        for _ in 0..REDIRECTS_MAX {
            let within = self.config.request_timeout;
            let question = |request| Command::lookup(topic.as_str(), is_authoritative, request);
            let answer = connection.ask(within, question).await?.lookup_response;
            let answer = answer.ok_or_else(|| off_protocol("lookup"))?;
            let is_final = match answer.response() {
                LookupAnswer::Connect => true,
                LookupAnswer::Redirect => false,
                LookupAnswer::Failed => return Err(failed(&answer)),
            };
            host = self.named_host(&answer)?;
            let address = self.address(&service, host.clone(), &answer);
            connection = self.connections.to(address).await?;
            if is_final {
                return Ok(connection);
            }
            is_authoritative = answer.authoritative.unwrap_or(false);
        }
        Err(Failure::Moving(format!("{REDIRECTS_MAX} brokers sent us on, looking for {topic}")))
    }

    fn named_host(&self, answer: &LookupResponse) -> Result<Host, Failure> {
        let (plain, tls) = (answer.broker_url.as_deref(), answer.broker_url_tls.as_deref());
        let url = self.connections.choose(plain, tls).filter(|url| !url.is_empty());
        let url = url.and_then(|url| ServiceUrl::parse(url).ok());
        let host = url.and_then(|url| url.hosts.into_iter().next());
        host.ok_or_else(|| Failure::Unavailable("the broker of the topic has no usable URL".into()))
    }

    fn address(&self, service: &Host, broker: Host, answer: &LookupResponse) -> Address {
        if answer.proxy_through_service_url.unwrap_or(false) {
            Address { host: service.clone(), proxied_to: Some(broker.address()) }
        } else {
            Address { host: broker, proxied_to: None }
        }
    }
}

fn failed(answer: &LookupResponse) -> Failure {
    let message = answer.message.as_deref().unwrap_or_default();
    Failure::of_broker(answer.error.unwrap_or(-1), message)
}

fn off_protocol(question: &str) -> Failure {
    Failure::Unavailable(format!("the broker answered something else than {question}"))
}

fn without_deduplication(topic: &Topic) -> Failure {
    Failure::Unsupported(format!(
        "{topic} does not drop duplicates: set `brokerDeduplicationEnabled`, or the policy of the \
         namespace, or configure the bus with `Deduplication::Off`"
    ))
}
