//! One thing to mend: where it is and what to do.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    place: String,
    advice: String,
}

impl Fault {
    /// About a file or a package as a whole.
    pub(crate) fn new(place: impl Into<String>, advice: impl Into<String>) -> Self {
        Fault { place: place.into(), advice: advice.into() }
    }

    /// About one line, counted from 1, in the form that editors jump to.
    pub(crate) fn at(path: &str, line: usize, advice: impl Into<String>) -> Self {
        Fault::new(format!("{path}:{line}"), advice)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.advice)
    }
}
