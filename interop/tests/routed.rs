//! The judge of Debezium's records convicts a router with one fault.

mod sample;

use idp_domain::{ContentHasher, Envelope, Uuid};
use interop::{Committed, Routed, compare};
use std::collections::BTreeMap;

/// Spoils what was routed.
type Sabotage = fn(&mut Vec<Routed>);

/// Four events of two aggregates.
fn committed() -> Vec<Committed> {
    (1..=4)
        .map(|number: u8| {
            let mut record = sample::record();
            record.event_id = Uuid::from_u128(number.into());
            record.aggregate_id = Uuid::from_u128(100 + u128::from(number % 2));
            let event = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
            Committed { event, position: number.into(), lane: 12 }
        })
        .collect()
}

fn routed(event: &Committed) -> Routed {
    let Committed { event, position, lane } = event;
    let headers = [
        ("id", event.event_id.to_string()),
        ("ce_id", event.event_id.to_string()),
        ("ce_source", "/shop".to_owned()),
        ("ce_type", event.event_type.to_string()),
        ("ce_time", event.occurred_at.to_string()),
        ("ce_tenantid", event.tenant.to_string()),
        ("ce_aggregatetype", event.aggregate_type.to_string()),
        ("ce_aggregateid", event.aggregate_id.to_string()),
        ("ce_aggregateversion", event.aggregate_version.to_string()),
        ("ce_schemaid", event.schema_id.to_string()),
        ("ce_schemaversion", event.schema_version.to_string()),
        ("ce_contenthash", event.content_hash().to_string()),
        ("content-type", "application/json".to_owned()),
        ("idp_metadata", event.metadata_json()),
        ("idp_position", position.to_string()),
        ("idp_lane", lane.to_string()),
    ];
    Routed {
        topic: "outbox.event.order".to_owned(),
        key: event.aggregate_id.to_string(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        value: Some(event.payload.clone()),
    }
}

fn all() -> Vec<Routed> {
    committed().iter().map(routed).collect()
}

#[test]
fn whole_events_in_order_pass() {
    assert_eq!(compare(&committed(), &all()), [""; 0]);
    let mut other_order = all();
    other_order.swap(0, 1);
    assert_eq!(compare(&committed(), &other_order), [""; 0], "there is none across aggregates");
}

#[test]
fn a_router_with_one_fault_is_convicted_of_it() {
    let sabotages: [(&str, Sabotage); 12] = [
        ("lost", |records| drop(records.remove(1))),
        ("twice", |records| records.push(records[3].clone())),
        ("behind a later", |records| records.swap(0, 2)),
        ("nobody", |records| {
            let key = records[0].key.clone();
            let tombstone = Routed {
                topic: "outbox.event.order".to_owned(),
                key,
                headers: BTreeMap::new(),
                value: None,
            };
            records.push(tombstone);
        }),
        ("topic", |records| records[0].topic.push('s')),
        ("key", |records| records[0].key = "acme".to_owned()),
        ("value", |records| records[0].value = Some("{}".to_owned())),
        ("value", |records| {
            let value = records[0].value.as_mut().expect("there is one");
            *value = value.replace(':', ": ");
        }),
        ("ce_tenantid", |records| drop(records[0].headers.remove("ce_tenantid"))),
        ("content hash", |records| {
            records[0].headers.insert("ce_time".to_owned(), "2023-11-14T22:13:20Z".to_owned());
        }),
        ("content hash", |records| {
            records[0].headers.insert("idp_metadata".to_owned(), "{}".to_owned());
        }),
        ("idp_lane", |records| drop(records[0].headers.insert("idp_lane".into(), "1".into()))),
    ];
    for (name, sabotage) in sabotages {
        let mut records = all();
        sabotage(&mut records);
        let faults = compare(&committed(), &records);
        assert!(faults.iter().any(|fault| fault.contains(name)), "{name}: {faults:?}");
    }
}
