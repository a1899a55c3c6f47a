//! The token that the broker knows this service by.

use std::fmt;
use std::sync::Arc;

/// Where the token for authentication comes from, as for Pulsar's plug-in `token`. It is asked for
/// with each connection, and when the broker wants a fresh one. Its `Debug` shows no token.
#[derive(Clone)]
pub struct Token(Arc<dyn Fn() -> String + Send + Sync>);

impl Token {
    /// Always the same.
    pub fn fixed(token: impl Into<String>) -> Self {
        let token = token.into();
        Self::from_fn(move || token.clone())
    }

    /// One that changes, for instance in a file that something else keeps fresh. The function is
    /// called on the runtime and must not block for long.
    pub fn from_fn(token: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(token))
    }

    pub(crate) fn present(&self) -> Vec<u8> {
        (self.0)().trim().as_bytes().to_vec()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::fixed("s3cret\n");
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert_eq!(token.present(), b"s3cret");
    }
}
