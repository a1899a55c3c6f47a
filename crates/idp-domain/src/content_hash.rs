//! A fingerprint of an event that any language can recompute.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// SHA-256 (FIPS 180-4), or HMAC-SHA-256 (RFC 2104), of the canonical JSON of an event.
///
/// The text form names the algorithm: `sha256:` or `hmac-sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash {
    keyed: bool,
    digest: [u8; 32],
}

impl ContentHash {
    const PLAIN: &'static str = "sha256:";
    const KEYED: &'static str = "hmac-sha256:";
}

const DIGITS: [u8; 16] = *b"0123456789abcdef";

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self
            .digest
            .map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        f.write_str(if self.keyed { Self::KEYED } else { Self::PLAIN })?;
        f.write_str(str::from_utf8(digits.as_flattened()).expect("digits are ASCII"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a content hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseContentHashError;

impl fmt::Display for ParseContentHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected `sha256:` or `hmac-sha256:` and 64 hexadecimal digits")
    }
}

impl std::error::Error for ParseContentHashError {}

impl FromStr for ContentHash {
    type Err = ParseContentHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (keyed, digits) = match text.strip_prefix(Self::PLAIN) {
            Some(digits) => (false, digits),
            None => (true, text.strip_prefix(Self::KEYED).ok_or(ParseContentHashError)?),
        };
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseContentHashError);
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(0..) {
            *byte = u8::from_str_radix(&digits[2 * pair..2 * pair + 2], 16)
                .map_err(|_| ParseContentHashError)?;
        }
        Ok(Self { keyed, digest })
    }
}

/// How the hashes of a tenant's events are computed.
#[derive(Clone, Default)]
pub enum ContentHasher {
    /// Anybody can recompute the hash: it shows accidental damage.
    #[default]
    Plain,
    /// Only a holder of the key can: it also shows tampering.
    Keyed(Vec<u8>),
}

impl ContentHasher {
    /// The hash of canonical JSON.
    pub fn hash(&self, canonical: &str) -> ContentHash {
        match self {
            Self::Plain => {
                ContentHash { keyed: false, digest: Sha256::digest(canonical.as_bytes()).into() }
            }
            Self::Keyed(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key)
                    .expect("HMAC takes a key of any length (RFC 2104)");
                mac.update(canonical.as_bytes());
                ContentHash { keyed: true, digest: mac.finalize().into_bytes().into() }
            }
        }
    }
}

impl fmt::Debug for ContentHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Keyed(_) => "Keyed(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_hash_is_sha_256() {
        assert_eq!(
            ContentHasher::Plain.hash("abc").to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_keyed_hash_is_hmac_sha_256() {
        assert_eq!(
            ContentHasher::Keyed(b"Jefe".to_vec()).hash("what do ya want for nothing?").to_string(),
            "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn the_text_form_reads_back() {
        for hasher in [ContentHasher::Plain, ContentHasher::Keyed(vec![7])] {
            let hash = hasher.hash("x");
            assert_eq!(hash.to_string().parse(), Ok(hash));
        }
        assert!("sha256:00".parse::<ContentHash>().is_err());
        assert!("md5:00".parse::<ContentHash>().is_err());
    }

    #[test]
    fn a_key_never_shows_in_debug_output() {
        assert_eq!(format!("{:?}", ContentHasher::Keyed(b"secret".to_vec())), "Keyed(..)");
    }
}
