//! Encrypts what a target sends.

use crate::{Cipher, Subject};
use idp_application::{BoxFuture, CloudEvent, Error, ErrorKind, Transform, TransformError};

/// Sends data encrypted, with the keys of a ring that the subscribers of the target share. The
/// attributes stay as they are. What is sent again is encrypted anew: the same event, other bytes.
#[derive(Clone, Debug)]
pub struct Encrypt {
    cipher: Cipher,
}

impl Encrypt {
    /// Encrypts with that cipher. Its keys are those of the target, not those of the outbox: they
    /// are given to subscribers.
    pub fn new(cipher: Cipher) -> Self {
        Self { cipher }
    }

    async fn encrypted(&self, mut event: CloudEvent) -> Result<CloudEvent, Error> {
        let subject = Subject::of_event(&event);
        let document = self.cipher.encrypt(subject, &event.content_type, &event.data).await?;
        event.data = document.into();
        event.content_type = Cipher::MEDIA_TYPE.into();
        event.content_hash = None;
        Ok(event)
    }
}

impl Transform for Encrypt {
    fn apply(&self, event: CloudEvent) -> BoxFuture<'_, Result<CloudEvent, TransformError>> {
        Box::pin(async move {
            self.encrypted(event).await.map_err(|error| match error.kind() {
                ErrorKind::Invalid => TransformError::Refused(error),
                _ => TransformError::Unavailable(error),
            })
        })
    }
}
