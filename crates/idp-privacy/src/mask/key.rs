//! The key under which values are hashed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use idp_application::{Error, ErrorKind};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What keeps a hash from being tried out: a secret of at least 16 bytes from a good source of
/// randomness. It is wiped from memory when its last clone goes.
#[derive(Clone)]
pub struct MaskKey(Arc<Zeroizing<Vec<u8>>>);

impl MaskKey {
    /// The fewest bytes that it has.
    pub const BYTES_MIN: usize = 16;

    /// The key of those bytes. Fails with [`Invalid`](ErrorKind::Invalid) when they are too few. The
    /// error does not contain them.
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let secret = Zeroizing::new(secret.into());
        if secret.len() < Self::BYTES_MIN {
            let (least, length) = (Self::BYTES_MIN, secret.len());
            let message =
                format!("the key of a mask must have at least {least} bytes, got {length}");
            return Err(Error::new(ErrorKind::Invalid, "read a key", message));
        }
        Ok(Self(Arc::new(secret)))
    }

    /// The HMAC-SHA256 (RFC 2104) of the text, as text that names the algorithm.
    pub(super) fn hash(&self, text: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
        "hmac-sha256:".chars().chain(digits).collect()
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::ContentHasher;

    #[test]
    fn a_key_that_could_be_guessed_is_refused_and_not_shown() {
        for short in [&b""[..], b"k", b"hunter2-hunter2"] {
            let error = MaskKey::new(short).expect_err("too short");
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.message().contains("at least 16 bytes"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let key = MaskKey::new("hunter2-hunter2-").expect("16 bytes");
        assert_eq!(format!("{key:?}"), "MaskKey(..)");
    }

    /// Subscribers hold hashes of before.
    #[test]
    fn the_text_is_that_of_content_hashes() {
        let secret = b"0123456789abcdef";
        let expected = ContentHasher::Keyed(secret.to_vec()).hash("acme \"ann\"").to_string();
        assert_eq!(MaskKey::new(*secret).expect("16 bytes").hash("acme \"ann\""), expected);
    }
}
