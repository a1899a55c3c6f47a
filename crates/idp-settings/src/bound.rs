//! Which values a setting may have.

use crate::{Secret, Setting};
use std::ops::{RangeFrom, RangeInclusive};

/// Admits some values of a type. Ranges are bounds: `1..=65535`, `Duration::ZERO..`.
pub trait Bound<T> {
    /// Whether the value may be used.
    fn admits(&self, value: &T) -> bool;
    /// Which values may be used, to follow the name of the type: "from 1 to 65535". Empty when
    /// all of them may.
    fn words(&self) -> String;
}

/// Every value of the type may be used.
#[derive(Clone, Copy, Debug)]
pub struct Anything;

impl<T> Bound<T> for Anything {
    fn admits(&self, _value: &T) -> bool {
        true
    }

    fn words(&self) -> String {
        String::new()
    }
}

impl<T: Setting + PartialOrd> Bound<T> for RangeInclusive<T> {
    fn admits(&self, value: &T) -> bool {
        self.contains(value)
    }

    fn words(&self) -> String {
        format!("from {} to {}", self.start().words(), self.end().words())
    }
}

impl<T: Setting + PartialOrd> Bound<T> for RangeFrom<T> {
    fn admits(&self, value: &T) -> bool {
        self.contains(value)
    }

    fn words(&self) -> String {
        format!("from {} up", self.start.words())
    }
}

/// A text that is one of these.
#[derive(Clone, Copy, Debug)]
pub struct OneOf(pub &'static [&'static str]);

impl Bound<String> for OneOf {
    fn admits(&self, value: &String) -> bool {
        self.0.contains(&value.as_str())
    }

    fn words(&self) -> String {
        format!("that is one of {}", self.0.join(", "))
    }
}

/// A text or secret of so many bytes.
#[derive(Clone, Debug)]
pub struct Length(pub RangeInclusive<usize>);

impl Length {
    fn of_bytes(&self) -> String {
        format!("of {} to {} bytes", self.0.start(), self.0.end())
    }
}

impl Bound<String> for Length {
    fn admits(&self, value: &String) -> bool {
        self.0.contains(&value.len())
    }

    fn words(&self) -> String {
        self.of_bytes()
    }
}

impl Bound<Secret> for Length {
    fn admits(&self, value: &Secret) -> bool {
        self.0.contains(&value.reveal().len())
    }

    fn words(&self) -> String {
        self.of_bytes()
    }
}
