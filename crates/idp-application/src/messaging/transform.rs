//! The port through which a target changes what it sends: masking, encryption.

use crate::{BoxError, BoxFuture, CloudEvent, Error, ErrorKind};
use std::fmt;

/// Changes events on their way to one target. It must be a function of the event and of slowly
/// changing settings: an event that is sent again is transformed again.
pub trait Transform: Send + Sync + 'static {
    /// The event as the target is to get it. What changes the data must clear
    /// [`content_hash`](CloudEvent::content_hash).
    fn apply(&self, event: CloudEvent) -> BoxFuture<'_, Result<CloudEvent, TransformError>>;
}

/// Why an event could not be transformed.
#[derive(Debug)]
pub enum TransformError {
    /// This event never can be: it is met as if the bus had refused it.
    Refused(Error),
    /// What is needed for it cannot be reached now: it is met as if the bus could not be reached.
    Unavailable(Error),
    /// Nobody can read this event any more, and that is meant so: its key was destroyed. It is left
    /// out for good and counted; nothing waits for it.
    Gone(Error),
}

impl TransformError {
    /// This event never can be transformed.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(Error::new(ErrorKind::Invalid, "transform", message))
    }

    /// What is needed for it cannot be reached now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(Error::new(ErrorKind::Unavailable, "transform", message))
    }

    /// Nobody can read this event any more, and that is meant so.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::Gone(Error::new(ErrorKind::NotFound, "transform", message))
    }

    /// Adds the cause.
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        match self {
            Self::Refused(error) => Self::Refused(error.with_source(source)),
            Self::Unavailable(error) => Self::Unavailable(error.with_source(source)),
            Self::Gone(error) => Self::Gone(error.with_source(source)),
        }
    }
}

impl fmt::Display for TransformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) | Self::Unavailable(error) | Self::Gone(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TransformError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) | Self::Unavailable(error) | Self::Gone(error) => Some(error),
        }
    }
}
