//! A target: a bus, with a rule for what it gets and where it puts it.

mod filter;
mod topic;

pub use filter::EventFilter;
pub use topic::TopicRule;

use idp_application::{
    CloudEvent, Error, ErrorKind, EventBus, Message, PublishError, Stream, Transform,
    TransformError,
};
use idp_domain::Envelope;
use std::fmt;
use std::sync::Arc;

/// Where a relay sends events: a bus with a filter, a rule for topics, and transformations.
///
/// Each target is a reader of its own with positions of its own: one that is slow or away holds up
/// no other.
#[derive(Clone)]
pub struct Target {
    name: Arc<str>,
    source: Arc<str>,
    bus: Arc<dyn EventBus>,
    filter: EventFilter,
    topic: TopicRule,
    transforms: Vec<Arc<dyn Transform>>,
}

impl Target {
    /// A target that gets every event, under a topic named as the type of the aggregate.
    ///
    /// The name is that of the reader: positions are kept under it, and brokers know the producer by
    /// it. It must be the same in every process, and never change.
    pub fn new(name: impl Into<Arc<str>>, bus: Arc<dyn EventBus>) -> Self {
        Self {
            name: name.into(),
            source: "/".into(),
            bus,
            filter: EventFilter::all(),
            topic: TopicRule::default(),
            transforms: Vec::new(),
        }
    }

    /// The `source` of its CloudEvents: the service, as a URI reference. `/` unless it is said.
    pub fn source(mut self, source: impl Into<Arc<str>>) -> Self {
        self.source = source.into();
        self
    }

    /// Sends only what passes the filter. Events that do not are passed over for good: a filter that
    /// is widened later applies to what is read from then on; a replay sends what was left out.
    pub fn only(mut self, filter: EventFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Puts messages where the rule says.
    pub fn topic(mut self, rule: TopicRule) -> Self {
        self.topic = rule;
        self
    }

    /// Changes events before they are sent: masks, encrypts. Several are applied in order.
    pub fn transform(mut self, transform: impl Transform) -> Self {
        self.transforms.push(Arc::new(transform));
        self
    }

    /// The name of the reader.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn name_shared(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(crate) fn wants(&self, event: &Envelope) -> bool {
        self.filter.admits(event)
    }

    pub(crate) fn message(
        &self,
        event: Envelope,
        stream: &Arc<Stream>,
        sequence: i64,
        epoch: i64,
    ) -> Message {
        let topic = self.topic.topic_of(&event);
        let event = CloudEvent::of(event, Arc::clone(&self.source));
        Message { topic, event, stream: Arc::clone(stream), sequence, epoch }
    }

    /// Transforms and publishes. What cannot be transformed is met as the bus's own failure, after
    /// what stands before it was published.
    pub(crate) async fn publish(&self, mut messages: Vec<Message>) -> Result<(), PublishError> {
        let failed = self.transform_all(&mut messages).await.err();
        if !messages.is_empty() {
            self.bus.publish(&messages).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// On failure only those before the one that failed are left.
    async fn transform_all(&self, messages: &mut Vec<Message>) -> Result<(), PublishError> {
        if self.transforms.is_empty() {
            return Ok(());
        }
        for at in 0..messages.len() {
            match self.transformed(messages[at].event.clone()).await {
                Ok(event) => messages[at].event = event,
                Err(error) => {
                    messages.truncate(at);
                    return Err(failure(at, error));
                }
            }
        }
        Ok(())
    }

    async fn transformed(&self, mut event: CloudEvent) -> Result<CloudEvent, TransformError> {
        for transform in &self.transforms {
            event = transform.apply(event).await?;
        }
        Ok(event)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let length = self.name.chars().count();
        let fits = (1..=100).contains(&length) && !self.name.contains('\0');
        if !fits {
            let message = format!("`name` must have 1 to 100 characters, got {:?}", self.name);
            return Err(Error::new(ErrorKind::Invalid, "configure the target", message));
        }
        if self.source.is_empty() {
            let message = "`source` must not be empty";
            return Err(Error::new(ErrorKind::Invalid, "configure the target", message));
        }
        Ok(())
    }
}

fn failure(accepted: usize, error: TransformError) -> PublishError {
    match error {
        TransformError::Refused(error) => {
            PublishError::refused(accepted, error.message()).with_source(error)
        }
        TransformError::Unavailable(error) => {
            PublishError::unavailable(accepted, error.message()).with_source(error)
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("source", &self.source)
            .field("filter", &self.filter)
            .field("topic", &self.topic)
            .field("transforms", &self.transforms.len())
            .finish_non_exhaustive()
    }
}
