//! Encrypts payloads with the keys of their tenants.

use crate::jwe::{Document, OneTime, Opened};
use crate::{Key, KeyId, KeyRing, Random, Subject, SystemRandom};
use idp_application::{Error, ErrorKind};
use idp_domain::TenantId;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Encrypts and decrypts payloads. Each payload has a key of its own, drawn when it is encrypted and
/// wrapped with the current key of its tenant. Clones share the key ring.
#[derive(Clone)]
pub struct Cipher {
    keys: Arc<dyn KeyRing>,
    random: Arc<dyn Random>,
}

/// Why something does not decrypt.
#[derive(Debug)]
#[non_exhaustive]
pub enum DecryptError {
    /// It is not encrypted.
    Clear,
    /// The key was destroyed, or never was: nobody can read it any more.
    Shredded(KeyId),
    /// It was changed, belongs to another event, or is not one of ours.
    Damaged(&'static str),
    /// The key ring failed.
    KeyRing(Error),
}

/// The keys that were needed so far, while many payloads are decrypted.
pub(crate) type Known = HashMap<(TenantId, KeyId), Option<Key>>;

impl Cipher {
    /// The media type of what is encrypted (RFC 7515, section 9.2.1).
    pub const MEDIA_TYPE: &'static str = "application/jose+json";

    /// A cipher with those keys.
    pub fn new(keys: Arc<dyn KeyRing>) -> Self {
        Self { keys, random: Arc::new(SystemRandom) }
    }

    /// Draws the keys of events from another source; for tests.
    pub fn with_random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Encrypts data of that media type. Gives a JSON document.
    ///
    /// Fails with [`Invalid`](ErrorKind::Invalid) when the tenant has no key.
    pub async fn encrypt(
        &self,
        subject: Subject<'_>,
        content_type: &str,
        data: &[u8],
    ) -> Result<String, Error> {
        let key = self.current(subject.tenant).await?;
        self.encrypt_with(&key, subject, content_type, data)
    }

    /// Decrypts what [`encrypt`](Self::encrypt) gave for the same subject: gives the media type and
    /// the data.
    pub async fn decrypt(
        &self,
        subject: Subject<'_>,
        document: &[u8],
    ) -> Result<(String, Vec<u8>), DecryptError> {
        let (opened, _) = self.decrypt_knowing(&mut Known::new(), subject, document).await?;
        Ok((opened.content_type, opened.data))
    }

    /// Puts the current key of the tenant in the place of an older one: after this, the older one is
    /// not needed for this document. The ciphertext stays. `None` when it has the current key.
    pub async fn rewrap(
        &self,
        tenant: &TenantId,
        document: &[u8],
    ) -> Result<Option<String>, DecryptError> {
        let document = Document::recognise(document).ok_or(DecryptError::Clear)?;
        let id = document.key_id().map_err(DecryptError::Damaged)?;
        let new = self.current(tenant).await.map_err(DecryptError::KeyRing)?;
        if *new.id() == id {
            return Ok(None);
        }
        let old = self.keys.find(tenant, &id).await.map_err(DecryptError::KeyRing)?;
        let old = old.ok_or(DecryptError::Shredded(id))?;
        let rewrapped = document.rewrap(&old, &new).map_err(DecryptError::Damaged)?;
        Ok(Some(rewrapped.to_text()))
    }

    pub(crate) async fn current(&self, tenant: &TenantId) -> Result<Key, Error> {
        self.keys.current(tenant).await
    }

    /// The key of that id; `None` when it was destroyed.
    pub(crate) async fn find(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<Key>, Error> {
        self.keys.find(tenant, id).await
    }

    pub(crate) fn encrypt_with(
        &self,
        key: &Key,
        subject: Subject<'_>,
        content_type: &str,
        data: &[u8],
    ) -> Result<String, Error> {
        let mut one_time = OneTime { key: Zeroizing::new([0; Key::BYTES]), nonce: [0; 12] };
        self.random.fill(&mut *one_time.key)?;
        self.random.fill(&mut one_time.nonce)?;
        Document::encrypt(subject, content_type, data, key, &one_time)
            .map(|document| document.to_text())
            .map_err(|fault| Error::new(ErrorKind::Invalid, "encrypt", fault))
    }

    /// What is in the document, and the id of the key that opened it.
    pub(crate) async fn decrypt_knowing(
        &self,
        known: &mut Known,
        subject: Subject<'_>,
        document: &[u8],
    ) -> Result<(Opened, KeyId), DecryptError> {
        let document = Document::recognise(document).ok_or(DecryptError::Clear)?;
        let id = document.key_id().map_err(DecryptError::Damaged)?;
        let name = (subject.tenant.clone(), id);
        if !known.contains_key(&name) {
            let key = self.keys.find(&name.0, &name.1).await.map_err(DecryptError::KeyRing)?;
            known.insert(name.clone(), key);
        }
        let Some(Some(key)) = known.get(&name) else {
            return Err(DecryptError::Shredded(name.1));
        };
        let opened = document.decrypt(subject, key).map_err(DecryptError::Damaged)?;
        Ok((opened, name.1))
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher").finish_non_exhaustive()
    }
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear => f.write_str("the payload is not encrypted"),
            Self::Shredded(id) => write!(f, "the key `{id}` of the payload was destroyed"),
            Self::Damaged(fault) => write!(f, "the payload does not decrypt: {fault}"),
            Self::KeyRing(error) => write!(f, "the keys cannot be reached: {error}"),
        }
    }
}

impl std::error::Error for DecryptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::KeyRing(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DecryptError> for Error {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::KeyRing(error) => error,
            other => Error::new(ErrorKind::Corrupt, "decrypt", other.to_string()),
        }
    }
}
