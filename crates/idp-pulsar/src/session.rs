//! A stream as it is connected now: its producers, and where its topics lead.

use crate::Access;
use crate::answers::Event;
use crate::client::Client;
use crate::error::Failure;
use crate::outlets::{Outlet, OutletId, Outlets, Way};
use crate::partition;
use crate::producer::{Opening, Producer};
use crate::topic::Topic;
use idp_application::{Message, Stream};
use idp_errand::Errand;
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
    /// What is being opened, which may be begun in one call and used in the next.
    opening: Errand<Way, Result<Producer, Failure>>,
    routes: HashMap<Arc<str>, Route>,
    looking_up: Errand<Arc<str>, Result<Route, Failure>>,
    events: UnboundedSender<Event>,
    pub(crate) news: UnboundedReceiver<Event>,
    /// Whether it must not be used again.
    pub(crate) is_doubtful: bool,
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
        Self {
            sender: Arc::new(()),
            stream,
            epoch,
            name,
            outlets: Outlets::default(),
            opening: Errand::default(),
            routes: HashMap::new(),
            looking_up: Errand::default(),
            events,
            news,
            is_doubtful: false,
        }
    }

    /// Whether it can be used for the message: it is of this stream and epoch, and nothing happened
    /// to its producers since they were used.
    pub(crate) fn suits(&self, message: &Message) -> bool {
        self.epoch == message.epoch && self.stream == message.stream && self.news.is_empty()
    }

    /// Which outlet the message leaves by, if it is open.
    pub(crate) fn open_outlet(
        &mut self,
        client: &Client,
        message: &Message,
    ) -> Result<Option<OutletId>, Failure> {
        let way = self.way(client, message)?;
        Ok(way.and_then(|way| self.outlets.find(&way)))
    }

    /// Whether an outlet can be opened without a wait for the broker. Before any other, what is under
    /// way must have arrived: if the call is given up meanwhile, all that is under way is in doubt.
    pub(crate) fn can_open_at_once(&self) -> bool {
        self.opening.is_done() && self.outlets.has_room()
    }

    /// Which outlet the message leaves by, opened if it must be. One that nothing is under way in then
    /// makes room if there are too many.
    pub(crate) async fn outlet(
        &mut self,
        client: &Arc<Client>,
        message: &Message,
    ) -> Result<OutletId, Failure> {
        let known = self.way(client, message)?;
        let way = match known {
            Some(way) => way,
            None => self.look_up(client, message).await?,
        };
        if let Some(outlet) = self.outlets.find(&way) {
            return Ok(outlet);
        }
        let access = client.config.access;
        let route = self.routes.get(&message.topic).expect("the way is known");
        let topic = match route.partitions {
            0 => route.topic.clone(),
            _ => route.topic.partition(way.partition),
        };
        self.outlets.make_room();
        let exclusive_epoch = (access == Access::Exclusive).then(|| message.epoch.unsigned_abs());
        let name = partition::producer_name(&self.name, way.among);
        let events = self.events.clone();
        let opening = Opening { topic, name, exclusive_epoch, events };
        let open = || {
            let client = client.clone();
            async move { client.open(opening).await }
        };
        let producer = self.opening.join(&way, open).await??;
        if !producer.is_followed() {
            let what = "the broker closed the producer before it was used";
            return Err(Failure::Moving(what.to_owned()));
        }
        let (last, is_proven) = (producer.last(), client.is_proven(&producer));
        let outlet = Outlet { producer, under_way: VecDeque::new(), last, is_proven };
        Ok(self.outlets.add(way, outlet))
    }

    /// After a call was given up: closes the outlets in which something was under way. Says whether the
    /// rest can be used by the next call.
    pub(crate) fn is_left_certain(&mut self) -> bool {
        self.sender = Arc::new(());
        self.outlets.close_uncertain();
        while let Ok(event) = self.news.try_recv() {
            self.outlets.close_producer(event.producer);
        }
        !self.is_doubtful
    }

    /// Whether something is being opened.
    pub(crate) fn is_opening(&self) -> bool {
        self.opening.is_under_way() || self.looking_up.is_under_way()
    }

    /// Returns when nothing is being opened any more.
    pub(crate) async fn end_openings(&mut self) {
        self.looking_up.end().await;
        self.opening.end().await;
    }

    /// Where the message goes; `None` if that must be asked.
    fn way(&self, client: &Client, message: &Message) -> Result<Option<Way>, Failure> {
        let is_known = |route: &&Route| route.since.elapsed() < ROUTE_KNOWN_FOR;
        let route = self.routes.get(&message.topic).filter(is_known);
        route.map(|route| route.way(client, message)).transpose()
    }

    async fn look_up(&mut self, client: &Arc<Client>, message: &Message) -> Result<Way, Failure> {
        let name = &message.topic;
        let topic = Topic::parse(name)?;
        let look = || {
            let client = client.clone();
            async move {
                let partitions = client.partitions(&topic).await?;
                Ok(Route { topic, partitions, since: Instant::now() })
            }
        };
        let route = self.looking_up.join(name, look).await??;
        if self.routes.len() >= ROUTES_MAX {
            self.routes.clear();
        }
        let way = route.way(client, message)?;
        if self.outlets.has_other_choice(&way) {
            // What is under way must have arrived, or failed, before its successors go another way.
            self.is_doubtful = true;
            let what = format!("{name} has {} partitions by now", route.partitions);
            return Err(Failure::Moving(what));
        }
        self.routes.insert(name.clone(), route);
        Ok(way)
    }
}

impl Route {
    fn way(&self, client: &Client, message: &Message) -> Result<Way, Failure> {
        let access = client.config.access;
        let partition = partition::of(message, access, self.partitions.max(1))?;
        let among = partition::choice(access, self.partitions);
        Ok(Way { topic: message.topic.clone(), partition, among })
    }
}
