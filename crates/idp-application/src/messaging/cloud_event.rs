//! An event as it leaves the service: a CloudEvent.
//!
//! The names and rules are those of CloudEvents 1.0 (`github.com/cloudevents/spec`), with its
//! documented extensions `partitionkey`, `sequence`, `traceparent` and `tracestate`, the proposed
//! `correlationid` and `causationid`, and our own. Each bus maps them to the binding of its protocol.

use bytes::Bytes;
use idp_domain::{ContentHash, Envelope, EventRecord, Metadata, TenantId, Timestamp, Uuid};
use std::borrow::Cow;
use std::fmt::{self, Write};
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
        let mut attributes = Vec::with_capacity(24);
        self.each_attribute(&mut |name, value| attributes.push((name, value.to_owned())));
        attributes
    }

    /// Shows each of the [attributes](Self::attributes) in their order, without a text of its own for
    /// each value.
    pub fn each_attribute(&self, show: &mut dyn FnMut(Cow<'static, str>, &str)) {
        let mut text = String::with_capacity(128);
        let mut show_some = |name: &'static str, value: &str| {
            if !value.is_empty() {
                show(Cow::Borrowed(name), value);
            }
        };
        show_some("specversion", Self::SPEC_VERSION);
        show_some("id", self.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        show_some("source", &self.source);
        show_some("type", &self.event_type);
        show_some("subject", self.path(&mut text, &self.aggregate_type));
        show_some("time", written(&mut text, &self.time));
        show_some("partitionkey", self.path(&mut text, self.tenant.as_str()));
        show_some("tenantid", self.tenant.as_str());
        show_some("aggregatetype", &self.aggregate_type);
        let aggregate_id = &mut Uuid::encode_buffer();
        show_some("aggregateid", self.aggregate_id.hyphenated().encode_lower(aggregate_id));
        show_some("aggregateversion", written(&mut text, &self.aggregate_version));
        show_some("schemaid", &self.schema_id);
        show_some("schemaversion", written(&mut text, &self.schema_version));
        if let Some(hash) = &self.content_hash {
            show_some("contenthash", written(&mut text, hash));
        }
        self.each_of_metadata(show);
    }

    /// The metadata that passes for nothing else.
    fn each_of_metadata(&self, show: &mut dyn FnMut(Cow<'static, str>, &str)) {
        let mut shown: Vec<String> = Vec::new();
        let is_meant =
            |name: &str, value: &str| !value.is_empty() && name != EventRecord::DELIVER_AT;
        for (name, value) in self.metadata.iter().filter(|(name, value)| is_meant(name, value)) {
            let name = attribute_name(name);
            if !name.is_empty() && !RESERVED.contains(&&*name) && !shown.contains(&name) {
                show(name.clone().into(), value);
                shown.push(name);
            }
        }
    }

    /// `start/aggregate`, in the buffer.
    fn path<'t>(&self, text: &'t mut String, start: &str) -> &'t str {
        text.clear();
        text.push_str(start);
        text.push('/');
        text.push_str(self.aggregate_id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        text
    }

    /// The metadata of that name.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }
}

/// What is no metadata: the names of the event's own attributes, and what stands beside them.
const RESERVED: [&str; 19] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "partitionkey",
    "tenantid",
    "aggregatetype",
    "aggregateid",
    "aggregateversion",
    "schemaid",
    "schemaversion",
    "contenthash",
    "data",
    "datacontenttype",
    "sequence",
    "stream",
    "epoch",
];

/// The text of a value, in the buffer.
pub(crate) fn written<'t>(text: &'t mut String, value: &dyn fmt::Display) -> &'t str {
    text.clear();
    write!(text, "{value}").expect("a text takes what is written to it");
    text
}

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

    /// With a hash, so that it has all of them.
    #[test]
    fn no_metadata_passes_for_an_attribute_of_the_event() {
        let hash = format!("sha256:{}", "0".repeat(64)).parse().expect("a hash");
        let own = CloudEvent { content_hash: Some(hash), ..event(&[]) };
        let names: Vec<_> = own.attributes().into_iter().map(|(name, _)| name).collect();
        let forged: Vec<_> = names.iter().map(|name| (&**name, "forged")).collect();
        assert_eq!(event(&forged).attributes(), event(&[]).attributes());
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
