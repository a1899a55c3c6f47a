//! A stream as it is connected now: its producers, and where its topics lead.

use crate::Access;
use crate::answers::Event;
use crate::client::Client;
use crate::error::Failure;
use crate::outlets::{Outlet, OutletId, Outlets};
use crate::partition;
use crate::producer::Opening;
use crate::topic::Topic;
use idp_application::{Message, Stream};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

/// After how long it is asked again how many partitions a topic has.
const ROUTE_KNOWN_FOR: Duration = Duration::from_secs(60);
/// Of how many topics that is known at the most; the client knows it of more.
const ROUTES_MAX: usize = 1_000;

/// Dropping it closes its producers; what they still had to send is then not sent any more.
pub(crate) struct Session {
    /// What is to be sent is kept as long as this is; dropped before the producers are closed.
    pub(crate) sender: Arc<()>,
    stream: Arc<Stream>,
    epoch: i64,
    name: Arc<str>,
    pub(crate) outlets: Outlets,
    routes: HashMap<Arc<str>, Route>,
    events: UnboundedSender<Event>,
    pub(crate) news: UnboundedReceiver<Event>,
}

/// Where a topic leads.
struct Route {
    topic: Topic,
    /// 0 if it is not partitioned.
    partitions: u32,
    since: Instant,
}

impl Session {
    /// One that is not connected to anything.
    pub(crate) fn new(message: &Message, prefix: &str) -> Self {
        let (events, news) = mpsc::unbounded_channel();
        let name = format!("{prefix}/{}", message.stream).into();
        let (stream, epoch) = (message.stream.clone(), message.epoch);
        let (sender, outlets, routes) = (Arc::new(()), Outlets::default(), HashMap::new());
        Self { sender, stream, epoch, name, outlets, routes, events, news }
    }

    /// Whether it can be used for the message: it is of this stream and epoch, and nothing happened
    /// to its producers since they were used.
    pub(crate) fn suits(&self, message: &Message) -> bool {
        self.epoch == message.epoch && self.stream == message.stream && self.news.is_empty()
    }

    /// Which outlet the message leaves by, opened if it must be. One that nothing is under way in then
    /// makes room if there are too many.
    pub(crate) async fn outlet(
        &mut self,
        client: &Client,
        message: &Message,
    ) -> Result<OutletId, Failure> {
        let is_known = |route: &&Route| route.since.elapsed() < ROUTE_KNOWN_FOR;
        if self.routes.get(&message.topic).filter(is_known).is_none() {
            self.look_up(client, &message.topic).await?;
        }
        let access = client.config.access;
        let route = self.routes.get(&message.topic).expect("looked up above");
        let index = partition::of(message, access, route.partitions.max(1))?;
        let way = (message.topic.clone(), index);
        if let Some(outlet) = self.outlets.find(&way) {
            return Ok(outlet);
        }
        let topic = match route.partitions {
            0 => route.topic.clone(),
            _ => route.topic.partition(index),
        };
        self.outlets.make_room();
        let exclusive_epoch = (access == Access::Exclusive).then(|| message.epoch.unsigned_abs());
        let (name, events) = (self.name.clone(), self.events.clone());
        let producer = client.open(Opening { topic, name, exclusive_epoch, events }).await?;
        let (last, is_proven) = (producer.last(), client.is_proven(&producer));
        let outlet = Outlet { producer, under_way: VecDeque::new(), last, is_proven };
        Ok(self.outlets.add(way, outlet))
    }

    async fn look_up(&mut self, client: &Client, name: &Arc<str>) -> Result<(), Failure> {
        let topic = Topic::parse(name)?;
        let partitions = client.partitions(&topic).await?;
        if self.routes.len() >= ROUTES_MAX {
            self.routes.clear();
        }
        self.routes.insert(name.clone(), Route { topic, partitions, since: Instant::now() });
        Ok(())
    }
}
