//! What an error of Kafka or its client means for the one who publishes.

use idp_application::{Error, ErrorKind, PublishError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaConfRes;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A message or the record batch that it is in has too many bytes.
    TooLarge,
    /// The topic is not there, as far as the client knows.
    TopicMissing,
    /// The topic will not take the message.
    Refused,
    /// The epoch of the producer is over.
    Fenced,
    /// The broker, or the buffer of the client, asks to be spared.
    Throttled,
    /// Everything that has nothing to do with the message.
    Unavailable,
}

/// The one place that knows error codes.
pub(crate) fn class(code: RDKafkaErrorCode) -> Class {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Class::TooLarge,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            Class::TopicMissing
        }
        Code::TopicAuthorizationFailed
        | Code::InvalidTopic
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::PolicyViolation => Class::Refused,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Class::Fenced,
        Code::QueueFull | Code::ThrottlingQuotaExceeded => Class::Throttled,
        _ => Class::Unavailable,
    }
}

/// The code behind an error of the client.
pub(crate) fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

/// Something that has nothing to do with the messages failed, before any of them was taken over.
pub(crate) fn unavailable(action: &str, error: KafkaError) -> PublishError {
    PublishError::unavailable(0, format!("could not {action}: {error}")).with_source(error)
}

/// An error of an operation that publishes nothing.
pub(crate) fn failed(operation: &'static str, error: KafkaError) -> Error {
    match error {
        // Its own text shows the value, which may be a secret.
        KafkaError::ClientConfig(result, _, property, _) => {
            let fault = match result {
                RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN => "librdkafka has no property",
                _ => "librdkafka refuses the value of the property",
            };
            Error::new(ErrorKind::Invalid, operation, format!("{fault} `{property}`"))
        }
        KafkaError::ClientCreation(message) => Error::new(ErrorKind::Invalid, operation, message),
        other => {
            Error::new(ErrorKind::Unavailable, operation, other.to_string()).with_source(other)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode as Code;

    #[test]
    fn only_what_concerns_the_message_is_a_refusal() {
        let table = [
            (Code::MessageSizeTooLarge, Class::TooLarge),
            (Code::MessageBatchTooLarge, Class::TooLarge),
            (Code::UnknownTopicOrPartition, Class::TopicMissing),
            (Code::UnknownTopic, Class::TopicMissing),
            (Code::UnknownPartition, Class::TopicMissing),
            (Code::TopicAuthorizationFailed, Class::Refused),
            (Code::InvalidTopic, Class::Refused),
            (Code::InvalidRecord, Class::Refused),
            (Code::InvalidTimestamp, Class::Refused),
            (Code::PolicyViolation, Class::Refused),
            (Code::Fenced, Class::Fenced),
            (Code::ProducerFenced, Class::Fenced),
            (Code::InvalidProducerEpoch, Class::Fenced),
            (Code::QueueFull, Class::Throttled),
            (Code::ThrottlingQuotaExceeded, Class::Throttled),
            // A neighbour in the record batch was refused, not this one.
            (Code::InvalidDifferentRecord, Class::Unavailable),
            (Code::PurgeQueue, Class::Unavailable),
            (Code::MessageTimedOut, Class::Unavailable),
            (Code::BrokerTransportFailure, Class::Unavailable),
            (Code::AllBrokersDown, Class::Unavailable),
            (Code::NotEnoughReplicas, Class::Unavailable),
            (Code::LeaderNotAvailable, Class::Unavailable),
            (Code::InvalidProducerIdMapping, Class::Unavailable),
            (Code::TransactionalIdAuthorizationFailed, Class::Unavailable),
            (Code::ClusterAuthorizationFailed, Class::Unavailable),
            (Code::SaslAuthenticationFailed, Class::Unavailable),
            (Code::Authentication, Class::Unavailable),
        ];
        for (code, expected) in table {
            assert_eq!(class(code), expected, "{code:?}");
        }
    }

    #[test]
    fn a_property_that_is_refused_is_named_without_its_value() {
        let mut config = rdkafka::ClientConfig::new();
        config.set("security.protocol", "hush");
        let error = config.create_native_config().err().expect("no such protocol");
        let error = failed("connect to Kafka", error);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let expected = "librdkafka refuses the value of the property `security.protocol`";
        assert_eq!(error.message(), expected);
        assert!(!format!("{error:?}").contains("hush"));
    }
}
