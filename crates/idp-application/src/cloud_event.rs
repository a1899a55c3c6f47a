//! An event as it leaves the service: a CloudEvent.
//!
//! The names and rules are those of CloudEvents 1.0 (`github.com/cloudevents/spec`), with its
//! documented extensions `partitionkey`, `sequence`, `traceparent` and `tracestate`, the proposed
//! `correlationid` and `causationid`, and our own. Each bus maps them to the binding of its protocol.

use bytes::Bytes;
use idp_domain::{ContentHash, Envelope, EventRecord, Metadata, TenantId, Timestamp, Uuid};
use std::borrow::Cow;
use std::sync::Arc;

/// What a message says. `source` and `id` together identify the event.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    /// The identity of the event: the same on every delivery, so that subscribers drop duplicates.
    pub id: Uuid,
    /// The service that the event happened in, as a URI reference.
    pub source: Arc<str>,
    /// The name of the event.
    pub event_type: Cow<'static, str>,
    /// When the unit of work committed, by the clock of the service.
    pub time: Timestamp,
    /// Whose event it is.
    pub tenant: TenantId,
    /// The name of the aggregate's type.
    pub aggregate_type: Cow<'static, str>,
    /// Which aggregate it happened to.
    pub aggregate_id: Uuid,
    /// The version of the aggregate that the event led to.
    pub aggregate_version: i64,
    /// The identity of the payload's schema.
    pub schema_id: Cow<'static, str>,
    /// The version of the payload's schema.
    pub schema_version: u32,
    /// The hash over the record as it was committed; `None` when the data is not what was hashed,
    /// because a target masks or encrypts it.
    pub content_hash: Option<ContentHash>,
    /// Actor, trace, correlation and the like.
    pub metadata: Metadata,
    /// The media type of the data.
    pub content_type: Cow<'static, str>,
    /// The payload, as it is to be sent.
    pub data: Bytes,
}

impl CloudEvent {
    /// The version of the specification.
    pub const SPEC_VERSION: &'static str = "1.0";
    /// The media type of a payload that is neither encrypted nor otherwise transformed.
    pub const JSON: &'static str = "application/json";

    /// The event as it was committed.
    pub fn of(envelope: Envelope, source: Arc<str>) -> Self {
        let content_hash = Some(envelope.content_hash());
        let record = envelope.into_record();
        Self {
            id: record.event_id,
            source,
            event_type: record.event_type,
            time: record.occurred_at,
            tenant: record.tenant,
            aggregate_type: record.aggregate_type,
            aggregate_id: record.aggregate_id,
            aggregate_version: record.aggregate_version,
            schema_id: record.schema_id,
            schema_version: record.schema_version,
            content_hash,
            metadata: record.metadata,
            content_type: Cow::Borrowed(Self::JSON),
            data: Bytes::from(record.payload),
        }
    }

    /// What keeps its order: tenant and aggregate. Brokers get it as the key of the partition.
    pub fn partition_key(&self) -> String {
        format!("{}/{}", self.tenant, self.aggregate_id)
    }

    /// All context attributes but `datacontenttype`, which every binding has a place of its own for.
    /// Names are lower-case letters and digits, each once; values are text, never empty. Metadata
    /// under the name of something else is left out: it must not pass for it.
    pub fn attributes(&self) -> Vec<(Cow<'static, str>, String)> {
        let mut attributes: Vec<(Cow<'static, str>, String)> = vec![
            ("specversion".into(), Self::SPEC_VERSION.into()),
            ("id".into(), self.id.to_string()),
            ("source".into(), self.source.to_string()),
            ("type".into(), self.event_type.to_string()),
            ("subject".into(), format!("{}/{}", self.aggregate_type, self.aggregate_id)),
            ("time".into(), self.time.to_string()),
            ("partitionkey".into(), self.partition_key()),
            ("tenantid".into(), self.tenant.to_string()),
            ("aggregatetype".into(), self.aggregate_type.to_string()),
            ("aggregateid".into(), self.aggregate_id.to_string()),
            ("aggregateversion".into(), self.aggregate_version.to_string()),
            ("schemaid".into(), self.schema_id.to_string()),
            ("schemaversion".into(), self.schema_version.to_string()),
        ];
        let hash = self.content_hash.map(|hash| ("contenthash".into(), hash.to_string()));
        attributes.extend(hash);
        let metadata = self
            .metadata
            .iter()
            .filter(|(name, value)| !value.is_empty() && *name != EventRecord::DELIVER_AT);
        for (name, value) in metadata {
            let name = attribute_name(name);
            let is_taken = RESERVED.contains(&&*name) || attributes.iter().any(|(n, _)| *n == name);
            if !is_taken {
                attributes.push((name.into(), value.clone()));
            }
        }
        attributes.retain(|(name, value)| !name.is_empty() && !value.is_empty());
        attributes
    }

    /// The metadata of that name.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }
}

/// What is no metadata even where the event itself does not have it.
const RESERVED: [&str; 6] =
    ["contenthash", "data", "datacontenttype", "sequence", "stream", "epoch"];

/// Attribute names have lower-case letters and digits only, and at most 20 characters should be used.
fn attribute_name(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric).take(20);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn event(metadata: &[(&str, &str)]) -> CloudEvent {
        CloudEvent {
            id: Uuid::nil(),
            source: "/test".into(),
            event_type: "door.opened".into(),
            time: Timestamp::from_unix_micros(0),
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "door".into(),
            aggregate_id: Uuid::nil(),
            aggregate_version: 1,
            schema_id: "door.opened".into(),
            schema_version: 1,
            content_hash: None,
            metadata: metadata.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            content_type: CloudEvent::JSON.into(),
            data: Bytes::new(),
        }
    }

    #[test]
    fn metadata_becomes_attributes_and_passes_for_nothing_else() {
        let forged = ["id", "tenant_id", "Type", "sequence", "epoch", "content-hash", "data", "-"];
        let mut metadata: Vec<_> = forged.iter().map(|name| (*name, "forged")).collect();
        metadata.extend([("correlation_id", "c"), ("Correlation-Id", "a"), ("empty", "")]);
        let attributes = event(&metadata).attributes();
        assert!(attributes.iter().all(|(_, value)| value != "forged"), "{attributes:?}");
        let names: BTreeSet<_> = attributes.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), attributes.len(), "{attributes:?}");
        // Of two with one name the first by code point: upper case stands before lower case.
        assert_eq!(attributes.last(), Some(&("correlationid".into(), "a".to_owned())));
    }
}
