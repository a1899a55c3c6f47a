//! What a column can hold: the small set of values on which every store agrees.

use crate::Timestamp;
use std::cmp::Ordering;
use uuid::Uuid;

/// The kind of a column. Every store maps each kind to exactly one database type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// A finite IEEE 754 double.
    Float,
    /// Unicode text without NUL; compared by code point, on every store.
    Text,
    /// A UUID.
    Uuid,
    /// An instant with microsecond precision.
    Time,
    /// A composite value, kept as JSON text. It can be stored, but not compared.
    Json,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// See [`Kind::Bool`].
    Bool(bool),
    /// See [`Kind::Int`].
    Int(i64),
    /// See [`Kind::Float`].
    Float(f64),
    /// See [`Kind::Text`].
    Text(String),
    /// See [`Kind::Uuid`].
    Uuid(Uuid),
    /// See [`Kind::Time`].
    Time(Timestamp),
    /// See [`Kind::Json`].
    Json(String),
}

impl Value {
    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The order of two values of one kind; `None` where SQL would say *unknown* (a null on either
    /// side) or where the kinds cannot be compared.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The order in which rows are sorted: as [`Value::compare`], with nulls after everything else.
    pub fn sort_compare(&self, other: &Self) -> Ordering {
        match (self.is_null(), other.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.compare(other).unwrap_or(Ordering::Equal),
        }
    }

    /// Why this value cannot be kept by every store, if so: a float that is not finite, or text
    /// that holds NUL (PostgreSQL has no such text).
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Float(number) if !number.is_finite() => Some("must be a finite number"),
            Self::Text(text) if text.contains('\0') => Some("must not contain the NUL character"),
            Self::Json(text) if has_nul_escape(text) => Some("must not contain the NUL character"),
            _ => None,
        }
    }
}

/// Whether JSON text holds the escape of NUL. The same letters behind a backslash that is escaped
/// itself are text about an escape, and fine.
fn has_nul_escape(json: &str) -> bool {
    json.match_indices("u0000").any(|(at, _)| {
        let backslashes = json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_compares_as_unknown_and_sorts_last() {
        assert_eq!(Value::Null.compare(&Value::Int(1)), None);
        assert_eq!(Value::Null.sort_compare(&Value::Int(1)), Ordering::Greater);
        assert_eq!(Value::Int(1).sort_compare(&Value::Null), Ordering::Less);
    }

    #[test]
    fn text_is_ordered_by_code_point() {
        let upper = Value::Text("Z".into());
        let lower = Value::Text("a".into());
        assert_eq!(upper.compare(&lower), Some(Ordering::Less));
    }

    #[test]
    fn values_that_not_every_store_can_keep_are_named() {
        assert!(Value::Float(f64::NAN).fault().is_some());
        assert!(Value::Text("a\0b".into()).fault().is_some());
        assert!(Value::Float(1.5).fault().is_none());
        assert!(Value::Json(r#"["a\u0000"]"#.into()).fault().is_some());
        assert!(Value::Json(r#"["a\\\u0000"]"#.into()).fault().is_some());
        assert!(Value::Json(r#"["a\\u0000"]"#.into()).fault().is_none());
    }
}
