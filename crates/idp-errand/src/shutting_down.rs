//! Why nothing came of work that did not fail.

use std::error::Error;
use std::fmt;

/// The runtime that the work was begun in has ended it, which it does only when it shuts down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShuttingDown;

impl fmt::Display for ShuttingDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime is shutting down")
    }
}

impl Error for ShuttingDown {}
