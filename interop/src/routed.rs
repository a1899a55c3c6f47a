//! What Debezium's event router made of the outbox, held against what was committed.

use idp_domain::{ContentHasher, Envelope, EventRecord, TenantId, Timestamp, Uuid};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// An event as the table has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// What it says.
    pub event: Envelope,
    /// Its position in the log.
    pub position: i64,
    /// Its lane.
    pub lane: i16,
}

/// A record as the converters of Kafka Connect hand it to Kafka.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Routed {
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The value; there is none in a tombstone.
    pub value: Option<String>,
}

/// What is wrong with the records, which must be the committed events, each once, those of an
/// aggregate in order. Nothing if they are.
pub fn compare(committed: &[Committed], routed: &[Routed]) -> Vec<String> {
    let known: BTreeMap<String, &Committed> =
        committed.iter().map(|event| (event.event.event_id.to_string(), event)).collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<Uuid, i64> = BTreeMap::new();
    for record in routed {
        let Some(event) = record.headers.get("id").and_then(|id| known.get(id)) else {
            faults.push(format!("nobody committed {record:?}"));
            continue;
        };
        let id = event.event.event_id;
        if !seen.insert(id) {
            faults.push(format!("{id} is there twice"));
        }
        let before = last.insert(event.event.aggregate_id, event.position);
        if before.is_some_and(|before| before > event.position) {
            faults.push(format!("{id} comes behind a later event of its aggregate"));
        }
        faults.extend(event.faults_of(record).into_iter().map(|fault| format!("{id}: {fault}")));
    }
    let lost = committed.iter().filter(|event| !seen.contains(&event.event.event_id));
    faults.extend(lost.map(|event| format!("{} is lost", event.event.event_id)));
    faults
}

impl Committed {
    fn faults_of(&self, record: &Routed) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |what: &str, found: Option<&str>, expected: &str| {
            if found != Some(expected) {
                faults.push(format!("{what} is {found:?}, not {expected:?}"));
            }
        };
        let event = &self.event;
        expect("topic", Some(&record.topic), &format!("outbox.event.{}", event.aggregate_type));
        expect("key", Some(&record.key), &event.aggregate_id.to_string());
        expect("value", record.value.as_deref(), &event.payload);
        for (header, expected) in self.headers() {
            expect(header, record.headers.get(header).map(String::as_str), &expected);
        }
        match record.envelope() {
            Some(envelope) if envelope.is_intact(&ContentHasher::Plain) => {
                if envelope != self.event {
                    faults.push("it says something else".to_owned());
                }
            }
            _ => faults.push("the content hash does not fit what arrived".to_owned()),
        }
        faults
    }

    /// Those that are text as the table has it.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let event = &self.event;
        vec![
            ("ce_id", event.event_id.to_string()),
            ("ce_source", "/shop".to_owned()),
            ("ce_type", event.event_type.to_string()),
            ("ce_tenantid", event.tenant.to_string()),
            ("ce_aggregatetype", event.aggregate_type.to_string()),
            ("ce_aggregateid", event.aggregate_id.to_string()),
            ("ce_aggregateversion", event.aggregate_version.to_string()),
            ("ce_schemaid", event.schema_id.to_string()),
            ("ce_schemaversion", event.schema_version.to_string()),
            ("ce_contenthash", event.content_hash().to_string()),
            ("content-type", "application/json".to_owned()),
            ("idp_position", self.position.to_string()),
            ("idp_lane", self.lane.to_string()),
        ]
    }
}

impl Routed {
    /// The event, from nothing but the record.
    pub fn envelope(&self) -> Option<Envelope> {
        let header = |name: &str| self.headers.get(name);
        let uuid = |name: &str| Uuid::parse_str(header(name)?).ok();
        let record = EventRecord {
            event_id: uuid("ce_id")?,
            occurred_at: header("ce_time")?.parse::<Timestamp>().ok()?,
            tenant: TenantId::new(header("ce_tenantid")?).ok()?,
            aggregate_type: header("ce_aggregatetype")?.clone().into(),
            aggregate_id: uuid("ce_aggregateid")?,
            aggregate_version: header("ce_aggregateversion")?.parse().ok()?,
            event_type: header("ce_type")?.clone().into(),
            schema_id: header("ce_schemaid")?.clone().into(),
            schema_version: header("ce_schemaversion")?.parse().ok()?,
            payload: self.value.clone()?,
            metadata: EventRecord::metadata_from_json(header("idp_metadata")?).ok()?,
        };
        Some(Envelope::restore(record, header("ce_contenthash")?.parse().ok()?))
    }
}
