//! A key of a tenant, and its name.

use crate::Random;
use aes_gcm::aead::array::Array;
use aes_kw::{KeyInit as _, KwAes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idp_application::{Error, ErrorKind};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of a key: 1 to 100 characters of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`. It stands beside
/// what the key encrypts, so it must say nothing that is secret; and within one tenant it must never be
/// given to another key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// The key id of that text.
    pub fn new(text: &str) -> Result<Self, Error> {
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if fits {
            return Ok(Self(text.into()));
        }
        let message = format!(
            "a key id must be 1 to 100 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, got {:?}",
            text.chars().take(100).collect::<String>()
        );
        Err(Error::new(ErrorKind::Invalid, "read a key id", message))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// A key of a tenant: 256 bits that encrypt nothing but the keys of events. The bits are wiped from
/// memory when its last clone goes.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    secret: Arc<Zeroizing<[u8; Self::BYTES]>>,
}

impl Key {
    /// How many bytes it has.
    pub const BYTES: usize = 32;

    /// The key of those bytes, which must come from a good source of randomness.
    pub fn new(id: KeyId, secret: [u8; Self::BYTES]) -> Self {
        Self { id, secret: Arc::new(Zeroizing::new(secret)) }
    }

    /// A new key. Fails when there is no randomness to be had.
    pub fn generate(id: KeyId, random: &dyn Random) -> Result<Self, Error> {
        let mut secret = [0; Self::BYTES];
        random.fill(&mut secret)?;
        Ok(Self::new(id, secret))
    }

    /// The key of 32 bytes in Base64. The error does not contain them.
    pub fn from_base64(id: KeyId, text: &str) -> Result<Self, Error> {
        let decoded = STANDARD.decode(text).map(Zeroizing::new).ok();
        let secret = decoded.and_then(|bytes| <[u8; Self::BYTES]>::try_from(&**bytes).ok());
        let secret = secret.ok_or_else(|| {
            let message = format!("key `{id}` must be {} bytes in Base64", Self::BYTES);
            Error::new(ErrorKind::Invalid, "read a key", message)
        })?;
        Ok(Self::new(id, secret))
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Encrypts the key of an event (RFC 3394).
    pub(crate) fn wrap(&self, key: &[u8; Self::BYTES]) -> [u8; Self::BYTES + 8] {
        let mut wrapped = [0; Self::BYTES + 8];
        let fits = self.wrapping().wrap_key(key, &mut wrapped);
        fits.expect("a wrapped key is 8 bytes longer than the key");
        wrapped
    }

    /// Decrypts the key of an event; `None` when it was not encrypted with this one.
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Option<Zeroizing<[u8; Self::BYTES]>> {
        let mut key = Zeroizing::new([0; Self::BYTES]);
        let fits = wrapped.len() == Self::BYTES + 8;
        (fits && self.wrapping().unwrap_key(wrapped, &mut *key).is_ok()).then_some(key)
    }

    fn wrapping(&self) -> KwAes256 {
        KwAes256::new(&Array::from(**self.secret))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ..)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|at| {
            u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal")
        })
    }

    /// RFC 3394, section 4.6: 256 bits of key data with a 256-bit key.
    #[test]
    fn the_vector_of_rfc_3394() {
        let secret = bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let data = bytes("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        let expected: [u8; 40] = bytes(
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
        );
        let key = Key::new(KeyId::new("k").expect("valid"), secret);
        assert_eq!(key.wrap(&data), expected);
        assert_eq!(key.unwrap(&expected).as_deref(), Some(&data));
        assert!(key.unwrap(&expected[1..]).is_none());
        let mut changed = expected;
        changed[39] ^= 1;
        assert!(key.unwrap(&changed).is_none());
    }

    #[test]
    fn a_secret_is_neither_shown_nor_in_errors() {
        let id = || KeyId::new("2026-11").expect("valid");
        assert_eq!(format!("{:?}", Key::new(id(), [1; 32])), "Key(2026-11, ..)");
        let error = Key::from_base64(id(), "c2hvcnQ=").expect_err("too short");
        assert!(!format!("{error:?}").contains("c2hvcnQ"), "{error:?}");
    }

    #[test]
    fn the_name_of_a_key_is_plain() {
        for text in ["", "a b", "ä", "a/b", "a:b", &"x".repeat(101)] {
            assert!(KeyId::new(text).is_err(), "{text}");
        }
        assert!(KeyId::new("2026-11_a.B").is_ok());
    }
}
