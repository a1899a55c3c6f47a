//! What failures mean for whoever publishes.

use crate::acks::{ApiError, Rejection, Silence};
use idp_application::{BoxError, PublishError};

/// A failure of the connection, or of a question to JetStream: never about a message.
pub(crate) fn no_answer(source: impl Into<BoxError>) -> PublishError {
    PublishError::unavailable(0, "NATS does not answer").with_source(source)
}

/// What it means that a message has no acknowledgement.
pub(crate) fn silence(silence: Silence) -> PublishError {
    let why = match silence {
        Silence::Lost => "the connection was lost before the acknowledgement came",
        Silence::Late => "no acknowledgement came in time",
    };
    PublishError::unavailable(0, why)
}

/// What it means that a message was not stored. That nobody listens on its subject is only a
/// temporary matter here: whether the subject exists has been looked at before.
pub(crate) fn rejection(rejection: &Rejection, subject: &str) -> PublishError {
    match rejection {
        Rejection::NoResponders => {
            PublishError::unavailable(0, format!("JetStream does not listen on {subject:?} now"))
        }
        Rejection::Denied => {
            PublishError::refused(0, format!("the bus has no permission to publish to {subject:?}"))
        }
        Rejection::Api(error) => api_error(error, subject),
    }
}

fn api_error(error: &ApiError, subject: &str) -> PublishError {
    let ApiError { code, err_code, description } = error;
    let message = format!("JetStream on {subject:?}: {description} (code {code}, {err_code})");
    match err_code {
        10_054 | 10_097 | 10_109 => PublishError::refused(0, message),
        10_077 if description.contains("message to large") => PublishError::refused(0, message),
        // Of one stream of several, or of one subject in it.
        10_077 if description.starts_with("maximum ") => {
            PublishError::topic_unavailable(0, None, message)
        }
        10_002 | 10_023 | 10_028 | 10_047 | 10_167 => PublishError::throttled(0, None, message),
        _ => PublishError::unavailable(0, message),
    }
}

/// Whether the subject or the stream is not where it was expected to be.
pub(crate) fn has_moved(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::Api(error) if [10_070, 10_071, 10_164].contains(&error.err_code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::PublishFailure;

    fn class(err_code: u64, description: &str) -> PublishFailure {
        let error = ApiError { code: 400, err_code, description: description.to_owned() };
        rejection(&Rejection::Api(error), "orders").failure
    }

    #[test]
    fn failures_are_classified() {
        use PublishFailure::{Refused, Throttled, TopicUnavailable, Unavailable};
        let table = [
            (10_054, "message size exceeds maximum allowed", Refused),
            (10_097, "header size exceeds maximum allowed of 64k", Refused),
            (10_109, "invalid operation on sealed stream", Refused),
            (10_077, "message to large", Refused),
            (10_077, "maximum messages exceeded", TopicUnavailable(None)),
            (10_077, "maximum bytes exceeded", TopicUnavailable(None)),
            (10_077, "maximum messages per subject exceeded", TopicUnavailable(None)),
            (10_077, "no space left on device", Unavailable),
            (10_002, "resource limits exceeded for account", Throttled(None)),
            (10_023, "insufficient resources", Throttled(None)),
            (10_047, "insufficient storage resources available", Throttled(None)),
            (10_167, "too many requests", Throttled(None)),
            (10_060, "expected stream does not match", Unavailable),
            (10_071, "wrong last sequence: 7", Unavailable),
            (10_076, "JetStream not enabled", Unavailable),
            (10_008, "JetStream system temporarily unavailable", Unavailable),
            (10_158, "duplicate message id is in process", Unavailable),
            (0, "the answer is no acknowledgement of JetStream", Unavailable),
        ];
        for (code, description, expected) in table {
            assert_eq!(class(code, description), expected, "{code} {description}");
        }
        assert_eq!(rejection(&Rejection::Denied, "a").after(3).accepted, 3);
        assert_eq!(rejection(&Rejection::Denied, "a").failure, Refused);
        assert_eq!(rejection(&Rejection::NoResponders, "a").failure, Unavailable);
        assert_eq!(silence(Silence::Lost).failure, Unavailable);
        assert_eq!(silence(Silence::Late).failure, Unavailable);
        assert_eq!(PublishError::fenced(0, "newer").failure, PublishFailure::Fenced);
    }
}
