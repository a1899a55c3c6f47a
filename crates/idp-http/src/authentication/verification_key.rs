//! The key by which a token is checked, and with it the one algorithm that is allowed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// A key and the algorithm it is for. A token that names another algorithm is refused before its
/// signature is looked at, so that a public key is never taken for a shared secret.
#[derive(Clone)]
pub struct VerificationKey(Material);

#[derive(Clone)]
enum Material {
    EdDsa(Box<VerifyingKey>),
    Hs256(Hmac<Sha256>),
}

/// The key cannot be used. The text never contains the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey(&'static str);

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidKey {}

impl VerificationKey {
    /// What every Ed25519 `SubjectPublicKeyInfo` begins with (RFC 8410, section 4): the 32 bytes
    /// of the key follow.
    const SPKI_PREFIX: [u8; 12] =
        [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

    const SECRET_BYTES_MIN: usize = 32;

    /// EdDSA with Ed25519 (RFC 8037). Fails when the bytes are not a point of the curve, or one of
    /// the few for which anybody can sign.
    pub fn ed25519(public_key: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = VerifyingKey::from_bytes(public_key)
            .map_err(|_| InvalidKey("the bytes are not an Ed25519 public key"))?;
        if key.is_weak() {
            return Err(InvalidKey("the Ed25519 public key is of low order"));
        }
        Ok(Self(Material::EdDsa(Box::new(key))))
    }

    /// EdDSA with the key in a PEM text, as `openssl pkey -pubout` writes it.
    pub fn ed25519_pem(pem: &str) -> Result<Self, InvalidKey> {
        let expected = InvalidKey("expected the PEM of an Ed25519 public key");
        let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----").ok_or(expected)?;
        let body = body.strip_suffix("-----END PUBLIC KEY-----").ok_or(expected)?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(base64).map_err(|_| expected)?;
        let key = der.strip_prefix(&Self::SPKI_PREFIX).ok_or(expected)?;
        Self::ed25519(key.try_into().map_err(|_| expected)?)
    }

    /// HMAC with SHA-256. The secret must have at least 32 bytes (RFC 7518, section 3.2).
    pub fn hs256(secret: &[u8]) -> Result<Self, InvalidKey> {
        if secret.len() < Self::SECRET_BYTES_MIN {
            return Err(InvalidKey("the secret for HS256 must have at least 32 bytes"));
        }
        let hmac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Ok(Self(Material::Hs256(hmac)))
    }

    /// The name of the algorithm in a token's header.
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Material::EdDsa(_) => "EdDSA",
            Material::Hs256(_) => "HS256",
        }
    }

    /// Whether the signature is one of this key over the message. In constant time where a secret
    /// is involved.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Material::EdDsa(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Material::Hs256(hmac) => {
                hmac.clone().chain_update(message).verify_slice(signature).is_ok()
            }
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, section 10.1.
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn the_public_key_of_rfc_8410_is_read() {
        let key = VerificationKey::ed25519_pem(PEM).expect("the example of the RFC");
        assert_eq!(key.algorithm(), "EdDSA");
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let truncated = PEM.replace("ZuE=", "");
        for pem in ["", "secret", &PEM.replace("PUBLIC", "PRIVATE"), &truncated] {
            let error = VerificationKey::ed25519_pem(pem).expect_err("not a key");
            assert!(!error.to_string().contains("secret"));
        }
        assert!(VerificationKey::ed25519(&[0; 32]).is_err(), "a point of low order");
        assert!(VerificationKey::hs256(&[7; 31]).is_err());
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = VerificationKey::hs256(b"0123456789abcdef0123456789abcdef").expect("long enough");
        assert_eq!(format!("{key:?}"), "VerificationKey(HS256)");
    }
}
