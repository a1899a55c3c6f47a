//! The port through which events leave the service.

use crate::{BoxError, BoxFuture, Error, ErrorKind, Message};
use std::fmt;
use std::time::Duration;

/// Publishes messages. It does not subscribe.
///
/// # Contract
/// Adapters prove these with `idp_conformance::event_bus!`.
///
/// 1. Messages with one partition key (tenant and aggregate) reach the bus in the order given.
/// 2. `Ok` means that the bus has taken over responsibility for all of them.
/// 3. An error says how many messages, from the first, were taken over for sure; the others may or
///    may not have been.
/// 4. A failure is classified: [`Refused`](PublishFailure::Refused) only if the bus will never take
///    the message behind the accepted ones as it stands, whatever happens to the others.
/// 5. What it [guarantees](BusGuarantees) about duplicates and about workers that lost their lease
///    is true.
/// 6. It works again by itself when the broker does.
/// 7. A future that is dropped publishes nothing later but messages it was given, in order.
/// 8. It holds no more in memory than what it is publishing.
///
/// All messages of one call are of one [stream](Message::stream) and epoch. Calls for one stream come
/// one after another; those for several come at the same time.
pub trait EventBus: Send + Sync + 'static {
    /// What kind of broker it publishes to, always the same: the value of OpenTelemetry's
    /// [`messaging.system`](https://opentelemetry.io/docs/specs/semconv/registry/attributes/messaging/)
    /// where there is one, otherwise one of that form: lower-case letters, digits and `_`. Metrics and
    /// traces say it.
    fn system(&self) -> &'static str;

    /// What it guarantees.
    fn guarantees(&self) -> BusGuarantees;

    /// Publishes the messages in order.
    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>>;
}

/// What a bus guarantees beyond its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusGuarantees {
    /// What becomes of a message that is published again under the same number of its stream.
    pub duplicates: Duplicates,
    /// Whether a worker that published under an older epoch of a stream is refused, even while its
    /// send is under way.
    pub fences_zombies: bool,
    /// The most bytes of data that a message may have, as far as it is known.
    pub data_bytes_max: Option<usize>,
}

/// What becomes of a message that is published again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// It is stored once, however late it comes.
    Never,
    /// It is stored once if it comes again within that time.
    NeverWithin(Duration),
    /// It is stored again: subscribers drop it by the identity of the event.
    Possible,
}

/// A batch that was not taken over as a whole.
#[derive(Debug)]
pub struct PublishError {
    /// How many messages, counted from the first, were taken over.
    pub accepted: usize,
    /// What kind of failure stopped the next one.
    pub failure: PublishFailure,
    /// What stopped the next one.
    pub error: Error,
}

/// The classes of failures to publish; each is met in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishFailure {
    /// The broker cannot be reached, does not answer or is not ready. It has nothing to do with the
    /// message, and costs it no attempt.
    Unavailable,
    /// The broker asks to be spared, for so long if it says so. It costs no attempt. Zero, when a
    /// part was taken, asks for the rest at once.
    Throttled(Option<Duration>),
    /// The place that this message goes to takes nothing at present, and asks to be spared for so long
    /// if it says so: one endpoint, one queue, one topic of many. It says nothing about the rest of
    /// the bus: the lane rests, the others go on. It costs no attempt.
    TopicUnavailable(Option<Duration>),
    /// The broker refuses this message for good: too large, unknown topic, not allowed, not what
    /// the schema says.
    Refused,
    /// Another worker publishes this stream under a newer epoch.
    Fenced,
}

impl PublishFailure {
    /// A stable name, for metrics and traces.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Throttled(_) => "throttled",
            Self::TopicUnavailable(_) => "topic_unavailable",
            Self::Refused => "refused",
            Self::Fenced => "fenced",
        }
    }
}

impl PublishError {
    /// The broker cannot be reached.
    pub fn unavailable(accepted: usize, message: impl Into<String>) -> Self {
        let error = Error::new(ErrorKind::Unavailable, "publish", message);
        Self { accepted, failure: PublishFailure::Unavailable, error }
    }

    /// The message behind the accepted ones is refused for good.
    pub fn refused(accepted: usize, message: impl Into<String>) -> Self {
        let error = Error::new(ErrorKind::Invalid, "publish", message);
        Self { accepted, failure: PublishFailure::Refused, error }
    }

    /// The broker asks to be spared, for so long if it says so.
    pub fn throttled(
        accepted: usize,
        retry_after: Option<Duration>,
        message: impl Into<String>,
    ) -> Self {
        let error = Error::new(ErrorKind::Unavailable, "publish", message);
        Self { accepted, failure: PublishFailure::Throttled(retry_after), error }
    }

    /// The place that the message behind the accepted ones goes to takes nothing at present, for so
    /// long if it says so; other places may.
    pub fn topic_unavailable(
        accepted: usize,
        retry_after: Option<Duration>,
        message: impl Into<String>,
    ) -> Self {
        let error = Error::new(ErrorKind::Unavailable, "publish", message);
        Self { accepted, failure: PublishFailure::TopicUnavailable(retry_after), error }
    }

    /// Another worker publishes this stream under a newer epoch.
    pub fn fenced(accepted: usize, message: impl Into<String>) -> Self {
        let error = Error::new(ErrorKind::Conflict, "publish", message);
        Self { accepted, failure: PublishFailure::Fenced, error }
    }

    /// The same of a call that took over so many messages before those that this one counts.
    pub fn after(mut self, accepted: usize) -> Self {
        self.accepted += accepted;
        self
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.error = self.error.with_source(source);
        self
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} accepted messages: {}", self.accepted, self.error)
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
