//! A stream as it is connected now: its producers, and where its topics lead.

use crate::Access;
use crate::answers::Event;
use crate::client::Client;
use crate::error::Failure;
use crate::partition;
use crate::producer::{Opening, Producer};
use crate::topic::Topic;
use idp_application::{Message, Stream};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

/// After how long it is asked again how many partitions a topic has.
const ROUTE_KNOWN_FOR: Duration = Duration::from_secs(60);

/// Dropping it closes its producers; what they still had to send is then not sent any more.
pub(crate) struct Session {
    /// What is to be sent is kept as long as this is; dropped before the producers are closed.
    pub(crate) sender: Arc<()>,
    stream: Arc<Stream>,
    epoch: i64,
    name: Arc<str>,
    pub(crate) outlets: Vec<Outlet>,
    routes: HashMap<Arc<str>, Route>,
    events: UnboundedSender<Event>,
    pub(crate) news: UnboundedReceiver<Event>,
}

/// A producer with what it has under way.
pub(crate) struct Outlet {
    pub(crate) producer: Producer,
    /// Which messages of the present call wait for the broker, in order.
    pub(crate) under_way: VecDeque<usize>,
    /// The highest number that the partition is known to have.
    pub(crate) last: i64,
    /// Whether it is certain that the partition drops duplicates.
    pub(crate) is_proven: bool,
}

/// Where a topic leads.
struct Route {
    topic: Topic,
    /// 0 if it is not partitioned.
    partitions: u32,
    since: Instant,
    /// Which outlet each partition has.
    outlets: HashMap<u32, usize>,
}

impl Session {
    /// One that is not connected to anything.
    pub(crate) fn new(message: &Message, prefix: &str) -> Self {
        let (events, news) = mpsc::unbounded_channel();
        let name = format!("{prefix}/{}", message.stream).into();
        let (stream, epoch) = (message.stream.clone(), message.epoch);
        let (sender, outlets, routes) = (Arc::new(()), Vec::new(), HashMap::new());
        Self { sender, stream, epoch, name, outlets, routes, events, news }
    }

    /// Whether it can be used for the message: it is of this stream and epoch, and nothing happened
    /// to its producers since they were used.
    pub(crate) fn suits(&self, message: &Message) -> bool {
        self.epoch == message.epoch && self.stream == message.stream && self.news.is_empty()
    }

    /// Which outlet the message leaves by, opened if it must be.
    pub(crate) async fn outlet(
        &mut self,
        client: &Client,
        message: &Message,
    ) -> Result<usize, Failure> {
        let is_known = |route: &Route| route.since.elapsed() < ROUTE_KNOWN_FOR;
        if !self.routes.get(&message.topic).is_some_and(is_known) {
            self.look_up(client, &message.topic).await?;
        }
        let access = client.config.access;
        let route = self.routes.get_mut(&message.topic).expect("looked up above");
        let index = partition::of(message, access, route.partitions.max(1))?;
        if let Some(outlet) = route.outlets.get(&index) {
            return Ok(*outlet);
        }
        let topic = match route.partitions {
            0 => route.topic.clone(),
            _ => route.topic.partition(index),
        };
        let exclusive_epoch = (access == Access::Exclusive).then(|| message.epoch.unsigned_abs());
        let (name, events) = (self.name.clone(), self.events.clone());
        let producer = client.open(Opening { topic, name, exclusive_epoch, events }).await?;
        let (last, is_proven) = (producer.last(), client.is_proven(&producer));
        self.outlets.push(Outlet { producer, under_way: VecDeque::new(), last, is_proven });
        route.outlets.insert(index, self.outlets.len() - 1);
        Ok(self.outlets.len() - 1)
    }

    /// The outlet of the producer of that number, if it is still of this session.
    pub(crate) fn position(&self, producer: u64) -> Option<usize> {
        self.outlets.iter().position(|outlet| outlet.producer.id() == producer)
    }

    async fn look_up(&mut self, client: &Client, name: &Arc<str>) -> Result<(), Failure> {
        let topic = Topic::parse(name)?;
        let partitions = client.partitions(&topic).await?;
        let since = Instant::now();
        let fresh = Route { topic, partitions, since, outlets: HashMap::new() };
        let route = self.routes.entry(name.clone()).or_insert(fresh);
        (route.partitions, route.since) = (partitions, since);
        Ok(())
    }
}
