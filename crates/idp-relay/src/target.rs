//! A target: a bus, with a rule for what it gets and where it puts it.

mod filter;
mod topic;

pub use filter::EventFilter;
pub use topic::TopicRule;

use crate::gone::Gone;
use idp_application::{
    CloudEvent, EventBus, Message, PublishError, Reader, Stream, Transform, TransformError,
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
    template: Arc<str>,
    filter: EventFilter,
    topic: TopicRule,
    transforms: Vec<Arc<dyn Transform>>,
}

impl Target {
    /// A target that gets every event, under a topic named as the type of the aggregate.
    ///
    /// The name is that of the reader: positions are kept under it, and brokers know the producer by
    /// it. It must be the same in every process, and never change; [`Relay::new`](crate::Relay::new)
    /// refuses one that is not [allowed](Reader::name_fault).
    pub fn new(name: impl Into<Arc<str>>, bus: Arc<dyn EventBus>) -> Self {
        Self {
            name: name.into(),
            source: "/".into(),
            bus,
            template: TopicRule::default().template().into(),
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
    ///
    /// Change the rule of a target only when nothing waits to be sent to it: stop the relays of the old
    /// rule when the target has no lag and nothing set aside that is due, and then start those of the new
    /// one. A bus that drops duplicates by number does so in each place; a message that failed in one place
    /// and is sent again to another, which has a later one of its stream already, would be dropped there as
    /// known.
    pub fn topic(mut self, rule: TopicRule) -> Self {
        self.template = rule.template().into();
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

    /// What it says to whoever observes it: its name, the kind of broker, the template of its topics.
    pub(crate) fn signature(&self) -> (&str, &str, &str) {
        (&self.name, self.bus.system(), &self.template)
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
    /// what stands before it was published; it and what stands behind it is not left among the
    /// messages. What is gone for good is noted, and left out: the error counts what is left.
    pub(crate) async fn publish(
        &self,
        messages: &mut Vec<Message>,
        gone: &mut Gone,
    ) -> Result<(), PublishError> {
        let failed = self.transform_all(messages, gone).await.err();
        if !messages.is_empty() {
            self.bus.publish(messages).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// On failure only those before the one that failed are left.
    async fn transform_all(
        &self,
        messages: &mut Vec<Message>,
        gone: &mut Gone,
    ) -> Result<(), PublishError> {
        if self.transforms.is_empty() {
            return Ok(());
        }
        let mut failed = None;
        for (at, message) in messages.iter_mut().enumerate() {
            match self.transformed(message.event.clone()).await {
                Ok(event) => message.event = event,
                Err(TransformError::Gone(error)) => {
                    let event = message.event.id;
                    tracing::debug!(target = &*self.name, %event, %error, "left out: it is gone");
                    gone.add(at);
                }
                Err(TransformError::Refused(error)) => {
                    failed = Some((at, PublishError::refused(0, error.message()), error));
                    break;
                }
                Err(TransformError::Unavailable(error)) => {
                    failed = Some((at, PublishError::unavailable(0, error.message()), error));
                    break;
                }
            }
        }
        if let Some((at, ..)) = failed {
            messages.truncate(at);
        }
        gone.leave_out(messages);
        failed.map_or(Ok(()), |(_, refusal, error)| {
            Err(PublishError { accepted: messages.len(), ..refusal }.with_source(error))
        })
    }

    async fn transformed(&self, mut event: CloudEvent) -> Result<CloudEvent, TransformError> {
        for transform in &self.transforms {
            event = transform.apply(event).await?;
        }
        Ok(event)
    }

    /// What is wrong with it.
    pub(crate) fn faults(&self) -> Vec<String> {
        let name = Reader::name_fault("target.name", &self.name);
        let source = self.source.is_empty().then(|| "`target.source` must not be empty".to_owned());
        name.into_iter().chain(source).collect()
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
