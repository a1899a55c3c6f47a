//! A backend whose payloads are encrypted at rest.

mod dead_letters;
mod deliveries;
mod log;
mod origins;
mod store;
mod tenants;

use crate::cipher::Known;
use crate::{Cipher, DecryptError, Key, Subject};
use idp_application::{Error, ErrorKind};
use idp_domain::{ContentHasher, Envelope, EventRecord};
use origins::Origins;
use std::fmt;
use std::sync::Arc;

/// The name of an event whose payload nobody can read any more. It stands in the place of the event,
/// with `null` for a payload, so that readers pass it over and everything behind it keeps its number.
pub const SHREDDED: &str = "idp.shredded";

/// A backend behind which the payloads of events are encrypted: at the commit, before they leave the
/// process, and in clear again when they are read through this wrapper.
///
/// The stored payload is a JSON document, so it is valid in every column and for every reader of the
/// table. The content hash stays that of the event in clear, and is right again after reading.
///
/// Events that are not encrypted are read as they are: they are older than the encryption. A payload
/// that was changed, or moved to another event, fails with [`Corrupt`](ErrorKind::Corrupt). One whose
/// key was destroyed comes as [`SHREDDED`].
///
/// What a relay sets aside of a tenant that has no key to encrypt with any more stays as it stood in
/// the log: in clear if it was, under the key that opened it if that is still there, and as
/// [`SHREDDED`] if not.
pub struct Encrypted<B: ?Sized> {
    inner: Arc<B>,
    cipher: Cipher,
    origins: Arc<Origins>,
}

impl<B: ?Sized> Encrypted<B> {
    /// Encrypts what goes to that backend.
    pub fn new(inner: Arc<B>, cipher: Cipher) -> Self {
        Self { inner, cipher, origins: Arc::default() }
    }

    fn encrypted(&self, envelope: Envelope, key: &Key) -> Result<Envelope, Error> {
        let hash = envelope.content_hash();
        let mut record = envelope.into_record();
        let (subject, payload) = (Subject::of_record(&record), record.payload.as_bytes());
        record.payload = self.cipher.encrypt_with(key, subject, CLEAR, payload)?;
        Ok(Envelope::restore(record, hash))
    }

    async fn decrypted(&self, envelope: Envelope, known: &mut Known) -> Result<Envelope, Error> {
        let subject = Subject::of_record(&envelope);
        let opened = self.cipher.decrypt_knowing(known, subject, envelope.payload.as_bytes()).await;
        let data = match opened {
            Ok((opened, key)) => {
                self.origins.note_encrypted(&envelope.tenant, &key);
                opened.data
            }
            Err(DecryptError::Clear) => {
                self.origins.note_clear(envelope.event_id);
                return Ok(envelope);
            }
            Err(DecryptError::Shredded(_)) => return Ok(shredded(envelope)),
            Err(error) => return Err(of_event(&envelope, error)),
        };
        let hash = envelope.content_hash();
        let mut record = envelope.into_record();
        record.payload = String::from_utf8(data).map_err(|_| {
            let message = format!("the payload of event {} is not text", record.event_id);
            Error::new(ErrorKind::Corrupt, "decrypt", message)
        })?;
        if !record.metadata.contains_key(EventRecord::EDITED_FROM) {
            return Ok(Envelope::restore(record, hash));
        }
        // An edited event is sealed where it is stored, over what is stored there.
        Envelope::seal(record, &ContentHasher::Plain)
            .map_err(|e| Error::new(ErrorKind::Corrupt, "decrypt", e.to_string()))
    }
}

/// The media type of a payload as it is committed.
pub(crate) const CLEAR: &str = "application/json";

pub(crate) fn shredded(envelope: Envelope) -> Envelope {
    let hash = envelope.content_hash();
    let mut record = envelope.into_record();
    record.event_type = SHREDDED.into();
    record.payload = "null".into();
    Envelope::restore(record, hash)
}

fn of_event(envelope: &Envelope, error: DecryptError) -> Error {
    match error {
        DecryptError::KeyRing(error) => error,
        other => {
            let message = format!("event {}: {other}", envelope.event_id);
            Error::new(ErrorKind::Corrupt, "decrypt", message)
        }
    }
}

impl<B: ?Sized> Clone for Encrypted<B> {
    fn clone(&self) -> Self {
        let (inner, origins) = (Arc::clone(&self.inner), Arc::clone(&self.origins));
        Self { inner, cipher: self.cipher.clone(), origins }
    }
}

impl<B: ?Sized> fmt::Debug for Encrypted<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").finish_non_exhaustive()
    }
}
