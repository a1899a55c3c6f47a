//! The form of what is encrypted: JSON Web Encryption (RFC 7516) in its flattened JSON
//! serialization, with `A256KW` and `A256GCM` (RFC 7518).
//!
//! The subject stands in the protected header, which is the associated data of the cipher. The id of
//! the tenant's key stands in the unprotected header, so that another key can be wrapped around the
//! same ciphertext; nothing is won by changing it, because the wrapped key is authenticated by itself.

use crate::{Key, KeyId, Subject};
use aes_gcm::aead::AeadInOut as _;
use aes_gcm::aead::array::Array;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use idp_domain::Uuid;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const ALGORITHM: &str = "A256KW";
const ENCRYPTION: &str = "A256GCM";

/// A document as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    protected: String,
    header: Unprotected,
    encrypted_key: String,
    iv: String,
    ciphertext: String,
    tag: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unprotected {
    kid: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    alg: String,
    enc: String,
    /// The media type of the content, without `application/`.
    cty: String,
    event: Uuid,
    tenant: String,
    #[serde(rename = "type")]
    event_type: String,
}

/// The key of one event, and the nonce that it is used with, once.
pub(crate) struct OneTime {
    pub(crate) key: Zeroizing<[u8; Key::BYTES]>,
    pub(crate) nonce: [u8; 12],
}

/// What was in a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) content_type: String,
    pub(crate) data: Vec<u8>,
}

/// Why a document does not open: a phrase that says nothing about its content.
pub(crate) type Fault = &'static str;

impl Document {
    /// The document in that text, if it is one.
    pub(crate) fn recognise(text: &[u8]) -> Option<Self> {
        // Most of what is not a document is told by its first member, long before its end.
        serde_json::from_slice(text).ok()
    }

    /// The text of the document.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts serialize to JSON")
    }

    /// Encrypts data of that media type.
    pub(crate) fn encrypt(
        subject: Subject<'_>,
        content_type: &str,
        data: &[u8],
        key: &Key,
        one_time: &OneTime,
    ) -> Result<Self, Fault> {
        let protected = Protected {
            alg: ALGORITHM.into(),
            enc: ENCRYPTION.into(),
            cty: shortened(content_type).into(),
            event: subject.event,
            tenant: subject.tenant.to_string(),
            event_type: subject.event_type.into(),
        };
        let protected = serde_json::to_vec(&protected).expect("texts serialize to JSON");
        let protected = URL_SAFE_NO_PAD.encode(protected);
        let mut text = data.to_vec();
        let tag = cipher(&one_time.key)
            .encrypt_inout_detached(
                &Nonce::from(one_time.nonce),
                protected.as_bytes(),
                text.as_mut_slice().into(),
            )
            .map_err(|_| "the data is too large to be encrypted")?;
        Ok(Self {
            protected,
            header: Unprotected { kid: key.id().to_string() },
            encrypted_key: URL_SAFE_NO_PAD.encode(key.wrap(&one_time.key)),
            iv: URL_SAFE_NO_PAD.encode(one_time.nonce),
            ciphertext: URL_SAFE_NO_PAD.encode(text),
            tag: URL_SAFE_NO_PAD.encode(tag),
        })
    }

    /// The id of the key that opens it.
    pub(crate) fn key_id(&self) -> Result<KeyId, Fault> {
        KeyId::new(&self.header.kid).map_err(|_| "it names no key")
    }

    /// The name of the event that it says it belongs to. Only decrypting shows whether that is true.
    pub(crate) fn claimed_type(&self) -> Option<String> {
        let header = serde_json::from_slice::<Protected>(&decode(&self.protected).ok()?);
        header.ok().map(|header| header.event_type)
    }

    /// Decrypts it, if it belongs to the subject.
    pub(crate) fn decrypt(&self, subject: Subject<'_>, key: &Key) -> Result<Opened, Fault> {
        let header = decode(&self.protected)?;
        let header: Protected =
            serde_json::from_slice(&header).map_err(|_| "its header is not one of ours")?;
        if header.alg != ALGORITHM || header.enc != ENCRYPTION {
            return Err("it is encrypted in a way that is not ours");
        }
        let one_time = self.one_time_key(key)?;
        let nonce: [u8; 12] = decode(&self.iv)?.try_into().map_err(|_| DAMAGED)?;
        let tag: [u8; 16] = decode(&self.tag)?.try_into().map_err(|_| DAMAGED)?;
        let mut data = decode(&self.ciphertext)?;
        cipher(&one_time)
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                self.protected.as_bytes(),
                data.as_mut_slice().into(),
                &Tag::from(tag),
            )
            .map_err(|_| DAMAGED)?;
        let belongs = header.event == subject.event
            && header.tenant == subject.tenant.as_str()
            && header.event_type == subject.event_type;
        if !belongs {
            return Err("it belongs to another event");
        }
        Ok(Opened { content_type: lengthened(&header.cty), data })
    }

    /// The same under another key of the tenant.
    pub(crate) fn rewrap(&self, old: &Key, new: &Key) -> Result<Self, Fault> {
        let one_time = self.one_time_key(old)?;
        Ok(Self {
            header: Unprotected { kid: new.id().to_string() },
            encrypted_key: URL_SAFE_NO_PAD.encode(new.wrap(&one_time)),
            ..self.clone()
        })
    }

    fn one_time_key(&self, key: &Key) -> Result<Zeroizing<[u8; Key::BYTES]>, Fault> {
        key.unwrap(&decode(&self.encrypted_key)?).ok_or(DAMAGED)
    }
}

const DAMAGED: Fault = "it was changed, or encrypted with another key";

fn cipher(key: &[u8; Key::BYTES]) -> Aes256Gcm {
    Aes256Gcm::new(&Array::from(*key))
}

fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is not Base64")
}

/// RFC 7516, section 4.1.12: `application/` is left out where nothing else has a slash.
fn shortened(content_type: &str) -> &str {
    match content_type.strip_prefix("application/") {
        Some(rest) if !rest.contains('/') => rest,
        _ => content_type,
    }
}

fn lengthened(cty: &str) -> String {
    if cty.contains('/') { cty.to_owned() } else { format!("application/{cty}") }
}

#[cfg(test)]
mod tests;
