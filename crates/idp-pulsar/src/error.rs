//! What the broker's errors mean for a message.

use idp_application::{Error, ErrorKind, PublishError, PublishFailure};
use idp_errand::ShuttingDown;

const PUBLISH: &str = "publish";

/// Why a message was not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The broker cannot be reached or does not answer.
    Unavailable(String),
    /// It will pass in a moment: the topic is on the move.
    Moving(String),
    /// The broker asks to be spared.
    Throttled(String),
    /// The topic takes nothing at present. It says nothing about others.
    TopicUnavailable(String),
    /// The name is still connected to the topic elsewhere: that will pass in a moment, or at least it
    /// says nothing about other topics.
    Occupied(String),
    /// The broker will never take the message.
    Refused(String),
    /// Another worker has a newer epoch.
    Fenced(String),
    /// The broker is not set up for what was promised.
    Unsupported(String),
}

impl Failure {
    /// The failure that an error of the broker stands for, by its number in `PulsarApi.proto`.
    pub(crate) fn of_broker(code: i32, message: &str) -> Self {
        let (name, failure): (_, fn(String) -> Self) = match code {
            0 => ("UnknownError", Self::Moving),
            1 => ("MetadataError", Self::Moving),
            2 => ("PersistenceError", Self::Moving),
            3 => ("AuthenticationError", Self::Unavailable),
            4 if is_verdict(message) => ("AuthorizationError", Self::Refused),
            4 => ("AuthorizationError", Self::Moving),
            6 => ("ServiceNotReady", Self::Moving),
            7 => ("ProducerBlockedQuotaExceededError", Self::TopicUnavailable),
            8 => ("ProducerBlockedQuotaExceededException", Self::TopicUnavailable),
            9 => ("ChecksumError", Self::Moving),
            11 => ("TopicNotFound", Self::Refused),
            14 => ("TooManyRequests", Self::Throttled),
            15 => ("TopicTerminatedError", Self::Refused),
            16 => ("ProducerBusy", Self::Occupied),
            17 => ("InvalidTopicName", Self::Refused),
            18 => ("IncompatibleSchema", Self::Refused),
            22 => ("NotAllowedError", Self::Refused),
            25 => ("ProducerFenced", Self::Fenced),
            _ => ("unexpected error", Self::Unavailable),
        };
        failure(format!("{name} ({code}): {message}"))
    }

    /// Whether the same call may try again by itself.
    pub(crate) fn passes_soon(&self) -> bool {
        matches!(self, Self::Moving(_) | Self::Occupied(_))
    }

    /// What became of the messages given, when so many of them were taken over.
    pub(crate) fn after(self, accepted: usize) -> PublishError {
        match self {
            Self::Unavailable(message) | Self::Moving(message) => {
                PublishError::unavailable(accepted, message)
            }
            Self::Throttled(message) => PublishError::throttled(accepted, None, message),
            Self::TopicUnavailable(message) | Self::Occupied(message) => {
                PublishError::topic_unavailable(accepted, None, message)
            }
            Self::Refused(message) => PublishError::refused(accepted, message),
            Self::Fenced(message) => PublishError::fenced(accepted, message),
            Self::Unsupported(message) => {
                let error = Error::new(ErrorKind::Unsupported, PUBLISH, message);
                PublishError { accepted, failure: PublishFailure::Unavailable, error }
            }
        }
    }

    /// What it means when the bus is connected first.
    pub(crate) fn while_connecting(self) -> Error {
        let (Self::Unavailable(message)
        | Self::Moving(message)
        | Self::Throttled(message)
        | Self::TopicUnavailable(message)
        | Self::Occupied(message)
        | Self::Refused(message)
        | Self::Fenced(message)
        | Self::Unsupported(message)) = self;
        Error::new(ErrorKind::Unavailable, "connect to Pulsar", message)
    }
}

impl From<ShuttingDown> for Failure {
    fn from(reason: ShuttingDown) -> Self {
        Self::Unavailable(reason.to_string())
    }
}

/// Whether an authorization error says that something is not allowed. Brokers and proxies give the same
/// number when they could not find out (their metadata store or authorization provider is away, or did
/// not answer in time): that says nothing about the message.
fn is_verdict(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let is_doubt = ["exception", "timeout", "timed out", "failed to", "unable to"];
    let is_denial = ["not authorized", "unauthorized", "not allowed", "not permitted"];
    is_denial.iter().any(|part| message.contains(part))
        && !is_doubt.iter().any(|part| message.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of ServerCnx in the broker, and of the proxy.
    #[test]
    fn an_authorization_that_could_not_be_looked_up_refuses_nothing() {
        let refused = [
            "Client is not authorized to Produce",
            "Proxy Client is not authorized to Produce",
            "Client is not authorized to Lookup",
            "Client is not authorized to Get Partition Metadata",
            "Unauthorized to access topic persistent://a/b/c",
        ];
        let waits = [
            "Exception occurred while trying to authorize lookup",
            "Exception occured while trying to authorize Produce",
            "Exception occurred while trying to authorize get Partition Metadata",
            "org.apache.pulsar.metadata.api.MetadataStoreException: Timeout",
            "Failed to check whether the client is not authorized",
            "said so",
            "",
        ];
        for (texts, failure) in
            [(&refused[..], PublishFailure::Refused), (&waits[..], PublishFailure::Unavailable)]
        {
            for text in texts {
                let error = Failure::of_broker(4, text).after(0);
                assert_eq!(error.failure, failure, "{text}");
            }
        }
    }

    #[test]
    fn only_what_concerns_the_message_or_its_topic_is_refused() {
        use PublishFailure::{Fenced, Refused, Throttled, TopicUnavailable, Unavailable};
        let table = [
            (0, Unavailable),
            (1, Unavailable),
            (2, Unavailable),
            (3, Unavailable),
            (4, Unavailable),
            (5, Unavailable),
            (6, Unavailable),
            (7, TopicUnavailable(None)),
            (8, TopicUnavailable(None)),
            (9, Unavailable),
            (10, Unavailable),
            (11, Refused),
            (12, Unavailable),
            (13, Unavailable),
            (14, Throttled(None)),
            (15, Refused),
            (16, TopicUnavailable(None)),
            (17, Refused),
            (18, Refused),
            (19, Unavailable),
            (22, Refused),
            (25, Fenced),
            (99, Unavailable),
        ];
        for (code, failure) in table {
            let error = Failure::of_broker(code, "said so").after(3);
            assert_eq!((error.accepted, error.failure), (3, failure), "code {code}");
            assert!(error.error.message().contains(&format!("({code}): said so")), "{error}");
        }
    }

    #[test]
    fn what_passes_soon_is_a_topic_on_the_move_or_a_name_still_connected() {
        let soon = (0..=25).filter(|code| Failure::of_broker(*code, "").passes_soon());
        assert_eq!(soon.collect::<Vec<_>>(), [0, 1, 2, 4, 6, 9, 16]);
    }

    #[test]
    fn a_broker_without_deduplication_is_unsupported_and_costs_no_message_an_attempt() {
        let error = Failure::Unsupported("deduplication is off".into()).after(1);
        assert_eq!(error.failure, PublishFailure::Unavailable);
        assert_eq!(error.error.kind(), ErrorKind::Unsupported);
    }
}
