//! What went wrong with a delivery, in the classes of the port.

use hyper::StatusCode;
use idp_application::{BoxError, Error, ErrorKind, PublishError, PublishFailure};
use std::time::Duration;

/// What the status of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The endpoint has the event.
    Taken,
    /// The endpoint is gone for good, and says so.
    Gone,
    /// It tripped; over the event or for reasons of its own.
    Stumbled,
    /// It does not have the event.
    Failed(PublishFailure),
}

/// What a status means. Only what speaks about the event itself is a refusal: a subscriber who moved a
/// path, lost a certificate or changed a password has not refused anything, and no event may be set
/// aside for it.
pub(crate) fn verdict(status: StatusCode, retry_after: Option<Duration>) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Taken,
        410 => Verdict::Gone,
        // Malformed, too large, of a type it does not take, not what it expects, too many headers.
        400 | 413 | 415 | 422 | 431 => Verdict::Failed(PublishFailure::Refused),
        429 | 502 | 503 | 504 => Verdict::Failed(PublishFailure::TopicUnavailable(retry_after)),
        500 => Verdict::Stumbled,
        _ => Verdict::Failed(PublishFailure::TopicUnavailable(None)),
    }
}

/// Why an event was not delivered.
#[derive(Debug)]
pub(crate) struct Undelivered {
    failure: PublishFailure,
    kind: ErrorKind,
    message: String,
    source: Option<BoxError>,
}

impl Undelivered {
    /// What all endpoints need is not there.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(PublishFailure::Unavailable, ErrorKind::Unavailable, message)
    }

    /// The endpoint is not there; others may be.
    pub(crate) fn away(message: impl Into<String>) -> Self {
        Self::resting(None, message)
    }

    /// The endpoint is to be spared for so long.
    pub(crate) fn resting(pause: Option<Duration>, message: impl Into<String>) -> Self {
        Self::new(PublishFailure::TopicUnavailable(pause), ErrorKind::Unavailable, message)
    }

    /// The endpoint must not be reached as it is registered.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(PublishFailure::TopicUnavailable(None), ErrorKind::Forbidden, message)
    }

    /// Whether it is the endpoint that stands in the way, not the event, and not all endpoints.
    pub(crate) fn is_of_endpoint(&self) -> bool {
        matches!(self.failure, PublishFailure::TopicUnavailable(_))
    }

    /// For how long the endpoint asks to be spared, if it does.
    pub(crate) fn asked(&self) -> Option<Duration> {
        match self.failure {
            PublishFailure::TopicUnavailable(asked) => asked,
            _ => None,
        }
    }

    /// The event is refused.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(PublishFailure::Refused, ErrorKind::Invalid, message)
    }

    /// The endpoint answered with that status.
    pub(crate) fn answered(failure: PublishFailure, status: StatusCode) -> Self {
        let kind = match failure {
            PublishFailure::Refused => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Self::new(failure, kind, format!("it answered {status}"))
    }

    fn new(failure: PublishFailure, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { failure, kind, message: message.into(), source: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The error of a call that delivered so many events before this one, to that endpoint.
    pub(crate) fn after(self, accepted: usize, endpoint: &str) -> PublishError {
        let message = format!("endpoint `{endpoint}`: {}", self.message);
        let mut error = Error::new(self.kind, "deliver a webhook", message);
        if let Some(source) = self.source {
            error = error.with_source(source);
        }
        PublishError { accepted, failure: self.failure, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PublishFailure::{Refused, TopicUnavailable};

    #[test]
    fn every_status_has_its_class() {
        let pause = Some(Duration::from_secs(7));
        let table = [
            (&[200, 201, 202, 204, 206, 226, 299][..], Verdict::Taken),
            (&[410], Verdict::Gone),
            (&[400, 413, 415, 422, 431], Verdict::Failed(Refused)),
            (&[429, 502, 503, 504], Verdict::Failed(TopicUnavailable(pause))),
            (&[500], Verdict::Stumbled),
            (&[300, 301, 302, 303, 304, 307, 308, 399], Verdict::Failed(TopicUnavailable(None))),
            (
                &[401, 402, 403, 404, 405, 406, 407, 408, 409],
                Verdict::Failed(TopicUnavailable(None)),
            ),
            (
                &[411, 412, 414, 416, 417, 418, 421, 423, 425],
                Verdict::Failed(TopicUnavailable(None)),
            ),
            (
                &[426, 428, 451, 499, 501, 505, 507, 520, 599, 600],
                Verdict::Failed(TopicUnavailable(None)),
            ),
            (&[100, 101, 999], Verdict::Failed(TopicUnavailable(None))),
        ];
        for (statuses, expected) in table {
            for status in statuses {
                let code = StatusCode::from_u16(*status).expect("a status");
                assert_eq!(verdict(code, pause), expected, "{status}");
            }
        }
    }

    #[test]
    fn the_error_names_endpoint_and_status_and_counts_what_was_delivered() {
        let undelivered = Undelivered::answered(Refused, StatusCode::PAYLOAD_TOO_LARGE);
        let error = undelivered.after(3, "acme-orders");
        assert_eq!((error.accepted, error.failure), (3, Refused));
        let expected = "endpoint `acme-orders`: it answered 413 Payload Too Large";
        assert_eq!(error.error.message(), expected);
        assert_eq!(error.error.kind(), ErrorKind::Invalid);
    }
}
