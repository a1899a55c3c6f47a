//! Signatures as of Standard Webhooks 1.0.0 (`standardwebhooks.com`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use idp_application::{Error, ErrorKind};
use idp_domain::Timestamp;
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key that events are signed with. Each endpoint has its own.
#[derive(Clone)]
pub struct SigningKey(Kind);

#[derive(Clone)]
enum Kind {
    /// Both sides know it.
    Symmetric(Arc<Zeroizing<Vec<u8>>>),
    /// Subscribers know its public half only.
    Asymmetric(Arc<ed25519_dalek::SigningKey>),
}

impl SigningKey {
    /// The key of that text: `whsec_` and 24 to 64 bytes in Base64 for HMAC-SHA256, or `whsk_` and
    /// the seed of an ed25519 key (32 bytes, or 64 with the public key behind it) in Base64.
    ///
    /// The error does not contain the key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(secret) = text.strip_prefix("whsec_") {
            return Self::symmetric(decode(secret)?);
        }
        let secret = text.strip_prefix("whsk_").ok_or_else(|| {
            invalid("a signing key must start with `whsec_` (HMAC) or `whsk_` (ed25519)")
        })?;
        Self::asymmetric(&decode(secret)?)
    }

    /// The public half of an asymmetric key, as subscribers get it: `whpk_` and Base64. A symmetric
    /// key has none.
    pub fn public_text(&self) -> Option<String> {
        match &self.0 {
            Kind::Symmetric(_) => None,
            Kind::Asymmetric(key) => {
                Some(format!("whpk_{}", STANDARD.encode(key.verifying_key().as_bytes())))
            }
        }
    }

    /// The signature of a message: its scheme, a comma, and Base64.
    fn sign(&self, message: &[u8]) -> String {
        match &self.0 {
            Kind::Symmetric(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key)
                    .expect("HMAC takes a key of any length (RFC 2104)");
                mac.update(message);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            }
            Kind::Asymmetric(key) => {
                format!("v1a,{}", STANDARD.encode(key.sign(message).to_bytes()))
            }
        }
    }

    fn symmetric(secret: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        let length = secret.len();
        if !(24..=64).contains(&length) {
            let message = format!("a `whsec_` key must have 24 to 64 bytes, got {length}");
            return Err(invalid(message));
        }
        Ok(Self(Kind::Symmetric(Arc::new(secret))))
    }

    fn asymmetric(secret: &[u8]) -> Result<Self, Error> {
        let key = match secret.len() {
            32 => secret.try_into().ok().map(|seed| ed25519_dalek::SigningKey::from_bytes(&seed)),
            64 => secret
                .try_into()
                .ok()
                .and_then(|pair| ed25519_dalek::SigningKey::from_keypair_bytes(&pair).ok()),
            length => {
                let message = format!("a `whsk_` key must have 32 or 64 bytes, got {length}");
                return Err(invalid(message));
            }
        };
        let key = key.ok_or_else(|| invalid("the two halves of the `whsk_` key do not match"))?;
        Ok(Self(Kind::Asymmetric(Arc::new(key))))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Symmetric(_) => "whsec_..",
            Kind::Asymmetric(_) => "whsk_..",
        })
    }
}

/// The headers that say who sent a body, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`: the same on every attempt.
    pub id: String,
    /// `webhook-timestamp`: the time of this attempt, in seconds since 1970.
    pub timestamp: String,
    /// `webhook-signature`: one signature a key, with a space between.
    pub signature: String,
}

impl Signed {
    /// Signs a body with each of the keys. The id must not contain a full stop.
    pub fn new(id: String, at: Timestamp, body: &[u8], keys: &[SigningKey]) -> Self {
        let timestamp = at.unix_micros().div_euclid(1_000_000).to_string();
        let mut message = format!("{id}.{timestamp}.").into_bytes();
        message.extend_from_slice(body);
        let signatures: Vec<String> = keys.iter().map(|key| key.sign(&message)).collect();
        Self { id, timestamp, signature: signatures.join(" ") }
    }
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    // The decoder's own error tells a character of the secret.
    let decoded = STANDARD.decode(text).map_err(|_| invalid("a signing key must be Base64"))?;
    Ok(Zeroizing::new(decoded))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, "read a signing key", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::Verifier as _;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn asymmetric() -> SigningKey {
        SigningKey::parse(&format!("whsk_{}", STANDARD.encode([7; 32]))).expect("32 bytes")
    }

    /// The vector of the libraries of Standard Webhooks.
    #[test]
    fn the_symmetric_vector_of_the_reference_libraries() {
        let key = SigningKey::parse(SECRET).expect("a key");
        let at = Timestamp::from_unix_micros(1_614_265_330_999_999);
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned();
        let signed = Signed::new(id, at, br#"{"test": 2432232314}"#, &[key]);
        assert_eq!(signed.timestamp, "1614265330");
        assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_asymmetric_signature_is_checked_with_the_public_key() {
        let key = asymmetric();
        let signed =
            Signed::new("e".into(), Timestamp::UNIX_EPOCH, b"body", std::slice::from_ref(&key));
        let public = key.public_text().expect("asymmetric");
        let public = STANDARD.decode(public.strip_prefix("whpk_").expect("prefix")).expect("b64");
        let public = ed25519_dalek::VerifyingKey::from_bytes(&public.try_into().expect("32 bytes"));
        let signature = signed.signature.strip_prefix("v1a,").expect("the scheme");
        let signature = STANDARD.decode(signature).expect("Base64");
        let signature = ed25519_dalek::Signature::from_slice(&signature).expect("64 bytes");
        let public = public.expect("a public key");
        assert!(public.verify(b"e.0.body", &signature).is_ok());
        assert!(public.verify(b"e.1.body", &signature).is_err());
    }

    /// Made by OpenSSL, through the `crypto` module of Node.js.
    #[test]
    fn the_asymmetric_vector_of_another_implementation() {
        let key = asymmetric();
        let public = "whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
        assert_eq!(key.public_text().as_deref(), Some(public));
        let signed = Signed::new("e".into(), Timestamp::UNIX_EPOCH, b"body", &[key]);
        let expected = "v1a,xi9g+HqENF4iATUw+yL/uUUBf5HKbxZ5GJnnaUrSQVdJmDiA+I1Pgm/otPNzVEJ1Gb5v\
                        aOwh0hriUPDKqk/1DA==";
        assert_eq!(signed.signature, expected);
    }

    #[test]
    fn while_keys_change_each_key_signs() {
        let keys = [SigningKey::parse(SECRET).expect("a key"), asymmetric()];
        let both = Signed::new("e".into(), Timestamp::UNIX_EPOCH, b"x", &keys).signature;
        let each = keys.each_ref().map(|key| key.sign(b"e.0.x"));
        assert_eq!(both, each.join(" "));
    }

    #[test]
    fn a_key_of_the_wrong_kind_or_size_is_refused_and_not_shown() {
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        let odd = format!("whsk_{}", STANDARD.encode([1; 33]));
        let unmatched = format!("whsk_{}", STANDARD.encode([1; 64]));
        for text in [&short, &long, &odd, &unmatched, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%"]
        {
            let error = SigningKey::parse(text).expect_err(text);
            assert!(!format!("{error:?}").contains(text), "{error:?}");
        }
        assert!(SigningKey::parse(&format!("whsec_{}", STANDARD.encode([1; 64]))).is_ok());
    }

    #[test]
    fn a_pair_of_seed_and_public_key_is_the_key_of_the_seed() {
        let seed = [7; 32];
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        let pair = [seed, public].concat();
        let key = SigningKey::parse(&format!("whsk_{}", STANDARD.encode(pair))).expect("a pair");
        assert_eq!(key.public_text(), asymmetric().public_text());
    }

    #[test]
    fn keys_are_not_shown() {
        let key = SigningKey::parse(SECRET).expect("a key");
        assert_eq!(format!("{key:?} {:?}", asymmetric()), "whsec_.. whsk_..");
    }
}
