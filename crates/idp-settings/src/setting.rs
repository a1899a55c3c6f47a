//! Types that a setting can have.

use crate::{Secret, duration_text};
use std::path::PathBuf;
use std::time::Duration;

/// What stood in the file or in the environment.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// An environment variable: any type, in its text form.
    Variable(String),
    /// A text of the file.
    Text(String),
    /// A whole number of the file.
    Integer(i128),
    /// Another number of the file.
    Float(f64),
    /// `true` or `false` in the file.
    Bool(bool),
    /// A list of the file.
    List(Vec<Given>),
    /// Something else, such as a date.
    Other(String),
}

impl Given {
    /// The text, where texts are expected.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Variable(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As it may be shown in a message.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Variable(text) | Self::Text(text) if text.is_empty() => "an empty text".into(),
            Self::Variable(text) => text.clone(),
            Self::Text(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::words).collect::<Vec<_>>().join(", "))
            }
            Self::Other(words) => words.clone(),
        }
    }
}

/// A type that a setting can have. `Default` gives the placeholder of a value that is faulty.
pub trait Setting: Default {
    /// What is expected, such as "a whole number".
    const EXPECTED: &'static str;
    /// Whether values must not be shown.
    const IS_SECRET: bool = false;
    /// The value, if it is one of this type. The file is read strictly: a number in quotes is a
    /// text.
    fn read(given: &Given) -> Option<Self>;
    /// The value as it is written.
    fn words(&self) -> String;
}

macro_rules! integers {
    ($($integer:ty)+) => {$(
        impl Setting for $integer {
            const EXPECTED: &'static str = "a whole number";

            fn read(given: &Given) -> Option<Self> {
                match given {
                    Given::Integer(number) => (*number).try_into().ok(),
                    Given::Variable(text) => text.parse().ok(),
                    _ => None,
                }
            }

            fn words(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

integers!(u8 u16 u32 u64 usize i32 i64);

impl Setting for f64 {
    const EXPECTED: &'static str = "a number";

    fn read(given: &Given) -> Option<Self> {
        let number = match given {
            #[expect(clippy::cast_precision_loss, reason = "that is what a float is")]
            Given::Integer(number) => *number as f64,
            Given::Float(number) => *number,
            Given::Variable(text) => text.parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    fn words(&self) -> String {
        self.to_string()
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(given: &Given) -> Option<Self> {
        match given {
            Given::Bool(value) => Some(*value),
            Given::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn words(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "a text";

    fn read(given: &Given) -> Option<Self> {
        given.text().map(str::to_owned)
    }

    fn words(&self) -> String {
        self.clone()
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of texts (in a variable: with commas between them)";

    fn read(given: &Given) -> Option<Self> {
        match given {
            Given::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            Given::Variable(text) if text.is_empty() => Some(Vec::new()),
            Given::Variable(text) => {
                Some(text.split(',').map(|item| item.trim().to_owned()).collect())
            }
            _ => None,
        }
    }

    fn words(&self) -> String {
        self.join(", ")
    }
}

impl Setting for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn read(given: &Given) -> Option<Self> {
        given.text().filter(|text| !text.is_empty()).map(Self::from)
    }

    fn words(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration such as 30s";

    fn read(given: &Given) -> Option<Self> {
        given.text().and_then(duration_text::parse)
    }

    fn words(&self) -> String {
        duration_text::write(*self)
    }
}

impl Setting for Secret {
    const EXPECTED: &'static str = "a secret";
    const IS_SECRET: bool = true;

    fn read(given: &Given) -> Option<Self> {
        given.text().map(Self::new)
    }

    fn words(&self) -> String {
        "a secret".to_owned()
    }
}
