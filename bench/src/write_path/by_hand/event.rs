//! The outbox row, with everything that idp writes into it.

use super::plan::{Payload, Plan};
use crate::write_path::workload;
use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use idp_application::{Lane, LaneCount};
use idp_domain::TenantId;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) const AGGREGATE_TYPE: &str = "route_plan";
pub(crate) const SCHEMA_VERSION: i32 = 1;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Metadata {
    actor: &'static str,
}

/// One row of the outbox. The name of the event also names its schema.
pub(crate) struct Event {
    pub(crate) lane: i16,
    pub(crate) id: Uuid,
    pub(crate) aggregate_id: Uuid,
    pub(crate) aggregate_version: i64,
    pub(crate) name: &'static str,
    pub(crate) payload: Payload,
    pub(crate) metadata: Metadata,
    pub(crate) content_hash: String,
    pub(crate) occurred_at: DateTime<Utc>,
}

/// What the hash is computed over: the members stand in the order of their names.
#[derive(Serialize)]
struct Record<'a> {
    aggregate_id: Uuid,
    aggregate_type: &'static str,
    aggregate_version: i64,
    event_id: Uuid,
    event_type: &'static str,
    metadata: Metadata,
    occurred_at: String,
    payload: &'a Payload,
    schema_id: &'static str,
    schema_version: i32,
    tenant_id: &'a str,
}

impl Event {
    /// The event that led the plan to that version.
    pub(crate) fn of(
        plan: &Plan,
        version: i64,
        name: &'static str,
        payload: Payload,
        tenant: &TenantId,
    ) -> Result<Self, serde_json::Error> {
        let (id, metadata) = (Uuid::now_v7(), Metadata { actor: workload::ACTOR });
        let occurred_at = Utc::now().trunc_subsecs(6);
        let record = Record {
            aggregate_id: plan.id,
            aggregate_type: AGGREGATE_TYPE,
            aggregate_version: version,
            event_id: id,
            event_type: name,
            metadata,
            occurred_at: occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            payload: &payload,
            schema_id: name,
            schema_version: SCHEMA_VERSION,
            tenant_id: tenant.as_str(),
        };
        let content_hash = hash(&serde_json::to_vec(&record)?);
        Ok(Self {
            lane: Lane::of(tenant, plan.id, LaneCount::default()).number(),
            id,
            aggregate_id: plan.id,
            aggregate_version: version,
            name,
            payload,
            metadata,
            content_hash,
            occurred_at,
        })
    }

    /// Payload and metadata as text.
    pub(crate) fn json(&self) -> Result<(String, String), serde_json::Error> {
        Ok((serde_json::to_string(&self.payload)?, serde_json::to_string(&self.metadata)?))
    }
}

fn hash(content: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(content) {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::{ContentHasher, Envelope, EventRecord, Timestamp};

    #[test]
    fn the_hash_is_the_one_that_idp_computes() {
        let tenant = TenantId::new(workload::TENANT).expect("valid");
        let (plan, payload) = Plan::create(7).expect("within the capacity");
        let event = Event::of(&plan, 1, "route_plan.created", payload, &tenant).expect("JSON");
        let (payload, metadata) = event.json().expect("JSON");
        let record = EventRecord {
            event_id: event.id,
            occurred_at: Timestamp::from_unix_micros(event.occurred_at.timestamp_micros()),
            tenant,
            aggregate_type: AGGREGATE_TYPE.into(),
            aggregate_id: event.aggregate_id,
            aggregate_version: event.aggregate_version,
            event_type: event.name.into(),
            schema_id: event.name.into(),
            schema_version: 1,
            payload,
            metadata: EventRecord::metadata_from_json(&metadata).expect("texts"),
        };
        let sealed = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
        assert_eq!(sealed.content_hash().to_string(), event.content_hash);
    }
}
