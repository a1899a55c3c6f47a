//! Why a run could not be carried through, or what it found.

/// An error that ends the process, with a sentence for its terminal.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
