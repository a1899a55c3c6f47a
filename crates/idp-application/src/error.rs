//! What can go wrong between a use case and its technology, and whether trying again may help.

use std::fmt;

/// The cause of an error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What kind of failure it is: what a caller decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for does not exist (in the tenant of the caller).
    NotFound,
    /// Somebody else changed it first. Run the whole use case again.
    Conflict,
    /// A unique key is taken.
    Duplicate,
    /// The technology behind the port cannot be reached, or closed the connection.
    Unavailable,
    /// It took longer than allowed.
    Timeout,
    /// The request can never succeed as it stands.
    Invalid,
    /// The caller may not do this.
    Forbidden,
    /// This implementation of the port cannot do it.
    Unsupported,
    /// Stored data does not have the form it must have.
    Corrupt,
}

impl ErrorKind {
    /// A stable, machine-readable name, in snake case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Duplicate => "duplicate",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
            Self::Unsupported => "unsupported",
            Self::Corrupt => "corrupt",
        }
    }
}

/// The error of the application layer and of every port.
#[derive(Debug)]
pub struct Error {
    detail: Box<Detail>,
}

#[derive(Debug)]
struct Detail {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    outcome_unknown: bool,
    source: Option<BoxError>,
}

impl Error {
    /// An error of that kind. `operation` says in a few words what was tried; the message is a
    /// phrase without a full stop, for the caller to read.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = Detail { kind, operation, message, outcome_unknown: false, source: None };
        Self { detail: Box::new(detail) }
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.detail.source = Some(source.into());
        self
    }

    /// Says that the work may or may not have been done: the answer to a commit was lost. Such an
    /// error is never retried blindly.
    pub fn with_outcome_unknown(mut self) -> Self {
        self.detail.outcome_unknown = true;
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.detail.kind
    }

    /// What was tried.
    pub fn operation(&self) -> &'static str {
        self.detail.operation
    }

    /// What to tell the caller. It holds no secret of the technology behind the port.
    pub fn message(&self) -> &str {
        &self.detail.message
    }

    /// Whether the work may have been done in spite of the error.
    pub fn is_outcome_unknown(&self) -> bool {
        self.detail.outcome_unknown
    }

    /// Whether running the whole use case again may succeed and cannot do the work twice.
    pub fn is_retryable(&self) -> bool {
        let transient = matches!(
            self.kind(),
            ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Timeout
        );
        transient && !self.detail.outcome_unknown
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.detail.operation, self.detail.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.detail.source.as_ref().map(|source| {
            let source: &(dyn std::error::Error + 'static) = source.as_ref();
            source
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_never_retried() {
        let lost = Error::new(ErrorKind::Unavailable, "commit", "connection lost");
        assert!(lost.is_retryable());
        assert!(!lost.with_outcome_unknown().is_retryable());
    }

    #[test]
    fn a_wrong_request_is_never_retried() {
        assert!(!Error::new(ErrorKind::Invalid, "commit", "bad").is_retryable());
        assert!(Error::new(ErrorKind::Conflict, "commit", "stale").is_retryable());
    }
}
