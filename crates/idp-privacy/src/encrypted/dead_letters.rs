//! What operators see of parked events is in clear; what they write is encrypted.

use super::{CLEAR, Encrypted};
use crate::cipher::Known;
use crate::jwe::Document;
use crate::{DecryptError, Subject};
use idp_application::{
    BoxFuture, DeadLetterAction, DeadLetterCommand, DeadLetterRecord, DeadLetters, DeliveryKey,
    Error, ParkedEvent, delegate_port,
};
use idp_domain::{Uuid, canonical_json};

impl<B: DeadLetters + ?Sized> Encrypted<B> {
    async fn events_decrypted(
        &self,
        reader: &str,
        key: &DeliveryKey,
    ) -> Result<Vec<ParkedEvent>, Error> {
        let mut events = self.inner.events(reader, key).await?;
        let mut known = Known::new();
        for event in &mut events {
            event.envelope = self.decrypted(event.envelope.clone(), &mut known).await?;
        }
        Ok(events)
    }

    async fn encrypt_and_command(
        &self,
        reader: &str,
        command: &DeadLetterCommand,
    ) -> Result<(), Error> {
        let DeadLetterAction::Edit { event, payload } = &command.action else {
            return self.inner.command(reader, command).await;
        };
        let payload = self.new_payload(reader, &command.key, *event, payload).await?;
        let action = DeadLetterAction::Edit { event: *event, payload };
        self.inner.command(reader, &DeadLetterCommand { action, ..command.clone() }).await
    }

    /// An edited payload, encrypted. What the backend is to refuse is none that it could take.
    async fn new_payload(
        &self,
        reader: &str,
        key: &DeliveryKey,
        event: Uuid,
        payload: &str,
    ) -> Result<String, Error> {
        let value: Result<serde_json::Value, _> = serde_json::from_str(payload);
        let canonical = value.ok().and_then(|value| canonical_json(&value).ok());
        let parked = self.inner.events(reader, key).await?;
        let parked = parked.iter().find(|parked| parked.envelope.event_id == event);
        let (Some(canonical), Some(parked)) = (canonical, parked) else {
            return Ok(String::new());
        };
        let subject = Subject::of_record(&parked.envelope);
        self.cipher.encrypt(subject, CLEAR, canonical.as_bytes()).await
    }

    async fn records_decrypted(
        &self,
        reader: &str,
        limit: u32,
    ) -> Result<Vec<DeadLetterRecord>, Error> {
        let mut records = self.inner.records(reader, limit).await?;
        let mut known = Known::new();
        for record in &mut records {
            let Some(payload) = record.payload_before.take() else { continue };
            record.payload_before = self.payload_before(record, payload, &mut known).await?;
        }
        Ok(records)
    }

    /// The payload of a record in clear; `None` when nobody can read it any more.
    async fn payload_before(
        &self,
        record: &DeadLetterRecord,
        payload: String,
        known: &mut Known,
    ) -> Result<Option<String>, Error> {
        let claimed = Document::recognise(payload.as_bytes()).and_then(|doc| doc.claimed_type());
        let (Some(event_type), [event]) = (claimed, record.events.as_slice()) else {
            return Ok(Some(payload));
        };
        let subject =
            Subject { event: *event, tenant: &record.key.tenant, event_type: &event_type };
        match self.cipher.decrypt_knowing(known, subject, payload.as_bytes()).await {
            Ok((opened, _)) => Ok(String::from_utf8(opened.data).ok()),
            Err(DecryptError::KeyRing(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

impl<B: DeadLetters + ?Sized> DeadLetters for Encrypted<B> {
    delegate_port!(DeadLetters { parked } => |this| this.inner);

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        Box::pin(self.events_decrypted(reader, key))
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.encrypt_and_command(reader, command))
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        Box::pin(self.records_decrypted(reader, limit))
    }
}
