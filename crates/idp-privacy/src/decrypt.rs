//! Decrypts what was encrypted at rest, on its way to a target.

use crate::{Cipher, DecryptError, Subject};
use idp_application::{BoxFuture, CloudEvent, Transform, TransformError};
use idp_domain::EventRecord;

/// Sends in clear what is [encrypted](crate::Encrypted) in the outbox; the first transformation of
/// every target of a relay over such an outbox. The content hash is right for what comes out.
///
/// An event whose key was destroyed is [gone](TransformError::Gone): it is left out, and nothing waits
/// for it, since destroying keys is meant so. One that was changed is refused. A key ring that cannot
/// be reached is met as a bus that cannot be reached.
#[derive(Clone, Debug)]
pub struct Decrypt {
    cipher: Cipher,
    refuses_clear: bool,
    refuses_shredded: bool,
}

impl Decrypt {
    /// Decrypts with that cipher. Events that are not encrypted pass: they are older than the
    /// encryption.
    pub fn new(cipher: Cipher) -> Self {
        Self { cipher, refuses_clear: false, refuses_shredded: false }
    }

    /// Refuses events that are not encrypted: once all of them must be, one that is not was put there
    /// by somebody else.
    pub fn refusing_clear(mut self) -> Self {
        self.refuses_clear = true;
        self
    }

    /// Refuses events whose key was destroyed instead of leaving them out: each parks its key, so that
    /// an operator sees it. A shredded tenant with more keys in a lane than may be parked there then
    /// holds up that lane for everybody.
    pub fn refusing_shredded(mut self) -> Self {
        self.refuses_shredded = true;
        self
    }

    async fn decrypted(&self, mut event: CloudEvent) -> Result<CloudEvent, TransformError> {
        match self.cipher.decrypt(Subject::of_event(&event), &event.data).await {
            Ok((content_type, data)) => {
                event.content_type = content_type.into();
                event.data = data.into();
                if event.metadata(EventRecord::EDITED_FROM).is_some() {
                    event.content_hash = None; // An edited event is hashed as it is stored.
                }
                Ok(event)
            }
            Err(DecryptError::Clear) if !self.refuses_clear => Ok(event),
            Err(DecryptError::KeyRing(error)) => Err(TransformError::Unavailable(error)),
            Err(error @ DecryptError::Shredded(_)) if !self.refuses_shredded => {
                Err(TransformError::gone(error.to_string()))
            }
            Err(error) => Err(TransformError::refused(error.to_string())),
        }
    }
}

impl Transform for Decrypt {
    fn apply(&self, event: CloudEvent) -> BoxFuture<'_, Result<CloudEvent, TransformError>> {
        Box::pin(self.decrypted(event))
    }
}
