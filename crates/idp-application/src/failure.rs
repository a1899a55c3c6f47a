//! How a use case ends when it does not succeed: refused by the domain, or failed underneath.

use crate::Error;
use idp_domain::DomainError;
use std::fmt;

/// The error of a use case whose domain refuses with `D`. The question mark turns both a refusal
/// and an [`Error`] into it, so a use case need not name either.
#[derive(Debug)]
pub enum Failure<D> {
    /// A rule of the domain forbids it.
    Refused(D),
    /// The technology behind a port failed.
    Failed(Error),
}

impl<D: DomainError> From<D> for Failure<D> {
    fn from(refusal: D) -> Self {
        Self::Refused(refusal)
    }
}

impl<D: DomainError> From<Error> for Failure<D> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<D: fmt::Display> fmt::Display for Failure<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<D: DomainError> std::error::Error for Failure<D> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Failed(error) => Some(error),
        }
    }
}
