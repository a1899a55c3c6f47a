//! What stopped a send.

use crate::error::{Class, class};
use idp_application::PublishError;
use rdkafka::error::RDKafkaErrorCode;

/// What stopped a send, and what to do about it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The record of that number is refused for good.
    Refused { index: usize, code: RDKafkaErrorCode },
    /// Some record is refused, or a record batch as a whole. Sent one by one, it shows which.
    Unclear(RDKafkaErrorCode),
    /// Records were taken back, or timed out, for a reason that is not theirs.
    TakenBack(RDKafkaErrorCode),
    /// A topic that was there is not known any more.
    TopicLost,
    /// The epoch of the producer is over.
    Fenced,
    /// The broker answered to the commit, and nobody knows whether it did it: taking the stream over again
    /// tells.
    Unsettled(PublishError),
    /// Nothing to do with the messages. The producer can go on.
    Unavailable(PublishError),
    /// Nothing to do with the messages. The producer cannot go on, or what became of the send is unknown.
    Broken(PublishError),
}

impl Failure {
    /// What follows from the code of an error that belongs to no record.
    pub(crate) fn of(code: RDKafkaErrorCode, action: &str) -> Self {
        let message = format!("could not {action}: {code}");
        match class(code) {
            Class::TooLarge | Class::Refused => Self::Unclear(code),
            Class::TopicMissing => Self::TopicLost,
            Class::Fenced => Self::Fenced,
            Class::Throttled => Self::Unavailable(PublishError::throttled(0, None, message)),
            Class::Unavailable => Self::Unavailable(PublishError::unavailable(0, message)),
        }
    }

    /// The producer must not be used any more.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::Broken(PublishError::unavailable(0, message))
    }

    /// Nobody knows whether the send was committed.
    pub(crate) fn unknown_outcome(message: impl Into<String>) -> Self {
        Self::Broken(of_unknown_outcome(message))
    }

    /// Nobody knows whether the send was committed, though the broker is there and answered.
    pub(crate) fn unsettled(message: impl Into<String>) -> Self {
        Self::Unsettled(of_unknown_outcome(message))
    }
}

fn of_unknown_outcome(message: impl Into<String>) -> PublishError {
    let mut error = PublishError::unavailable(0, message);
    error.error = error.error.with_outcome_unknown();
    error
}
