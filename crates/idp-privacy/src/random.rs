//! Where the bits come from that nobody can guess.

use idp_application::{Error, ErrorKind};

/// A source of randomness for keys. Only a test replaces the [system's](SystemRandom).
pub trait Random: Send + Sync + 'static {
    /// Fills the bytes. Fails rather than to give bytes that could be guessed.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes).map_err(|e| {
            let message = "the operating system gives no randomness";
            Error::new(ErrorKind::Unavailable, "draw randomness", message).with_source(e)
        })
    }
}
