//! Why a stored row could not be turned back into a domain object.

use crate::Value;
use std::fmt;

/// A stored value that does not fit the field it is mapped to. It names the column once the row
/// mapping has added it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError {
    column: Option<&'static str>,
    reason: String,
}

impl MappingError {
    /// An error for the given reason, written as the end of a sentence that starts with the column.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into() }
    }

    /// The stored value is of another kind than the field.
    pub fn expected(what: &str, found: &Value) -> Self {
        Self::new(format!("expected {what}, found {found:?}"))
    }

    /// Names the column in which the value stands.
    pub fn in_column(mut self, column: &'static str) -> Self {
        self.column.get_or_insert(column);
        self
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "column `{column}`: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for MappingError {}
