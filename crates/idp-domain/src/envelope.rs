//! An event as it is kept and sent: the payload with everything a reader needs to place it.

use crate::{
    CanonicalJsonError, ContentHash, ContentHasher, DomainEvent, PayloadError, TenantId, Timestamp,
    canonical_json,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Deref;
use uuid::Uuid;

/// What accompanies an event: names and texts, sorted by name.
pub type Metadata = BTreeMap<String, String>;

/// Everything that an event says, before it is sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// The identity of the event: a message with the same identity is the same event.
    pub event_id: Uuid,
    /// When the unit of work committed, by the clock of the service.
    pub occurred_at: Timestamp,
    /// Whose event it is.
    pub tenant: TenantId,
    /// The name of the aggregate's type.
    pub aggregate_type: Cow<'static, str>,
    /// Which aggregate it happened to.
    pub aggregate_id: Uuid,
    /// The version of the aggregate that the event led to. Events of one unit of work share it.
    pub aggregate_version: i64,
    /// The name of the event.
    pub event_type: Cow<'static, str>,
    /// The identity of the payload's schema.
    pub schema_id: Cow<'static, str>,
    /// The version of the payload's schema.
    pub schema_version: u32,
    /// The payload, in canonical JSON.
    pub payload: String,
    /// Actor, trace, origin and the like; see the constants of [`EventRecord`].
    pub metadata: Metadata,
}

impl EventRecord {
    /// Metadata: who asked for the change.
    pub const ACTOR: &'static str = "actor";
    /// Metadata: the W3C trace context in which the change was made.
    pub const TRACE_PARENT: &'static str = "traceparent";
    /// Metadata: the system that the change came from.
    pub const ORIGIN: &'static str = "origin";
    /// Metadata: on which legal basis personal data was processed.
    pub const LEGAL_BASIS: &'static str = "legal_basis";
    /// Metadata: the request that caused the change.
    pub const CORRELATION_ID: &'static str = "correlation_id";
    /// Metadata: the event that caused the change.
    pub const CAUSATION_ID: &'static str = "causation_id";
    /// Metadata: more of the W3C trace context, as the systems on the way added it.
    pub const TRACE_STATE: &'static str = "tracestate";
    /// Metadata: when the message is to be delivered, not before; RFC 3339.
    pub const DELIVER_AT: &'static str = "deliver_at";
    /// Metadata: the content hash that the event was committed with. It stands in an event whose
    /// payload an operator has replaced since.
    pub const EDITED_FROM: &'static str = "edited_from";

    /// Metadata from a JSON object of texts.
    pub fn metadata_from_json(text: &str) -> Result<Metadata, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The canonical JSON of the whole record (RFC 8785): what the hash is computed over.
    pub fn canonical_json(&self) -> Result<String, CanonicalJsonError> {
        let text = |text: &str| {
            // JSON string escapes are the same in RFC 8785 and in serde_json.
            serde_json::to_string(text).expect("a string serializes to JSON")
        };
        let metadata = canonical_json(&serde_json::json!(self.metadata))?;
        let mut json = String::with_capacity(512 + metadata.len() + self.payload.len());
        // Members stand in the order of RFC 8785: sorted by name.
        write!(
            json,
            concat!(
                r#"{{"aggregate_id":"{}","aggregate_type":{},"aggregate_version":{},"#,
                r#""event_id":"{}","event_type":{},"metadata":{},"occurred_at":"{}","#,
                r#""payload":{},"schema_id":{},"schema_version":{},"tenant_id":{}}}"#
            ),
            self.aggregate_id,
            text(&self.aggregate_type),
            self.aggregate_version,
            self.event_id,
            text(&self.event_type),
            metadata,
            self.occurred_at,
            self.payload,
            text(&self.schema_id),
            self.schema_version,
            text(self.tenant.as_str()),
        )
        .expect("writing to a string does not fail");
        Ok(json)
    }
}

/// A sealed event: a record and the hash of it. It cannot be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    record: EventRecord,
    content_hash: ContentHash,
}

impl Envelope {
    /// Seals a record. Fails when the record has no canonical form.
    pub fn seal(record: EventRecord, hasher: &ContentHasher) -> Result<Self, CanonicalJsonError> {
        let content_hash = hasher.hash(&record.canonical_json()?);
        Ok(Self { record, content_hash })
    }

    /// An event as a store kept it, with the hash that stood beside it.
    pub fn restore(record: EventRecord, content_hash: ContentHash) -> Self {
        Self { record, content_hash }
    }

    /// The record, without its hash.
    pub fn into_record(self) -> EventRecord {
        self.record
    }

    /// The hash over everything else.
    pub fn content_hash(&self) -> ContentHash {
        self.content_hash
    }

    /// The metadata as a JSON object.
    pub fn metadata_json(&self) -> String {
        serde_json::to_string(&self.record.metadata).expect("texts serialize to JSON")
    }

    /// Whether the hash is that of the content, computed the same way.
    pub fn is_intact(&self, hasher: &ContentHasher) -> bool {
        let canonical = self.record.canonical_json();
        canonical.is_ok_and(|canonical| hasher.hash(&canonical) == self.content_hash)
    }

    /// The payload as an event of the given set.
    pub fn decode<E: DomainEvent>(&self) -> Result<E, PayloadError> {
        let payload = serde_json::from_str(&self.record.payload)
            .map_err(|e| PayloadError::malformed(&self.event_type, e.to_string()))?;
        E::from_payload(&self.event_type, self.schema_version, payload)
    }
}

impl Deref for Envelope {
    type Target = EventRecord;

    fn deref(&self) -> &EventRecord {
        &self.record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> EventRecord {
        EventRecord {
            event_id: Uuid::from_u128(1),
            occurred_at: Timestamp::UNIX_EPOCH,
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "door".into(),
            aggregate_id: Uuid::from_u128(2),
            aggregate_version: 1,
            event_type: "door.opened".into(),
            schema_id: "door.opened".into(),
            schema_version: 1,
            payload: r#"{"by":"Ä \"x\""}"#.into(),
            metadata: [("actor".to_string(), "ann".to_string())].into(),
        }
    }

    #[test]
    fn the_canonical_form_is_canonical() {
        let text = record().canonical_json().expect("canonical");
        let parsed: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(canonical_json(&parsed).expect("canonical"), text);
    }

    #[test]
    fn any_change_of_the_content_shows() {
        let hasher = ContentHasher::Keyed(b"k".to_vec());
        let sealed = Envelope::seal(record(), &hasher).expect("canonical");
        assert!(sealed.is_intact(&hasher));
        assert!(!sealed.is_intact(&ContentHasher::Plain));
        let mut other = record();
        other.metadata.insert("actor".into(), "eve".into());
        assert!(!Envelope::restore(other, sealed.content_hash()).is_intact(&hasher));
    }
}
