//! Events and their payloads.

use crate::route_plan::{RoutePlanEvent, RoutePlanId, Stop};
use idp_domain::{DomainEvent, EntityId, EventSchema, PayloadError, Uuid};
use serde_json::{Value, json};
use std::fmt::Debug;

#[derive(DomainEvent, Clone, Debug, PartialEq)]
enum DoorEvent {
    #[event(name = "door.opened", schema = "org.example.door-opened")]
    Opened { by: RoutePlanId, note: Option<String>, r#type: Option<Vec<Stop>> },
    #[event(name = "door.closed", version = 3, upcast = lift::closed)]
    Closed { locked: bool },
    #[event(name = "door.painted", version = 2)]
    Painted {},
}

mod lift {
    use serde_json::{Value, json};

    /// Version 1 did not say whether the door was locked; version 2 is not known any more.
    pub(super) fn closed(version: u32, _: Value) -> Result<Value, &'static str> {
        if version == 1 { Ok(json!({ "locked": false })) } else { Err("version 2 was a mistake") }
    }
}

#[derive(DomainEvent, Clone, Debug)]
enum NoEvent {}

fn opened() -> DoorEvent {
    DoorEvent::Opened { by: RoutePlanId::from_uuid(Uuid::nil()), note: None, r#type: None }
}

#[track_caller]
fn comes_back<E: DomainEvent + PartialEq>(event: &E, payload: Value) {
    assert_eq!(event.payload(), payload);
    let schema = event.schema();
    assert_eq!(E::from_payload(schema.name, schema.version, payload).as_ref(), Ok(event));
}

#[test]
fn every_form_of_event_comes_back_from_its_payload() {
    comes_back(&RoutePlanEvent::Dispatched, json!({}));
    comes_back(&RoutePlanEvent::Created { reference: "R-7".into() }, json!({ "reference": "R-7" }));
    comes_back(
        &RoutePlanEvent::StopAdded(Stop { name: "depot".into(), minutes: 5 }),
        json!({ "name": "depot", "minutes": 5 }),
    );
    comes_back(&DoorEvent::Painted {}, json!({}));
    comes_back(
        &opened(),
        json!({ "by": "00000000-0000-0000-0000-000000000000", "note": null, "type": null }),
    );
}

#[test]
fn the_schemas_are_those_of_the_attributes() {
    assert_eq!(
        DoorEvent::SCHEMAS,
        [
            EventSchema { name: "door.opened", schema_id: "org.example.door-opened", version: 1 },
            EventSchema { name: "door.closed", schema_id: "door.closed", version: 3 },
            EventSchema { name: "door.painted", schema_id: "door.painted", version: 2 },
        ]
    );
    assert_eq!(DoorEvent::Closed { locked: true }.schema(), &DoorEvent::SCHEMAS[1]);
}

#[test]
fn a_missing_optional_member_is_none() {
    let payload = json!({ "by": "00000000-0000-0000-0000-000000000000" });
    assert_eq!(DoorEvent::from_payload("door.opened", 1, payload), Ok(opened()));
}

#[test]
fn unknown_members_are_ignored() {
    let payload = json!({ "locked": true, "by": "the wind" });
    let closed = DoorEvent::Closed { locked: true };
    assert_eq!(DoorEvent::from_payload("door.closed", 3, payload), Ok(closed));
    let more = json!({ "since": "yesterday" });
    assert_eq!(
        RoutePlanEvent::from_payload("route_plan.dispatched", 1, more),
        Ok(RoutePlanEvent::Dispatched)
    );
}

#[test]
fn a_missing_member_is_named() {
    let error = DoorEvent::from_payload("door.closed", 3, json!({})).expect_err("incomplete");
    assert_eq!(
        error.to_string(),
        "the payload of event `door.closed` is malformed: missing field `locked`"
    );
}

#[test]
fn an_older_payload_is_lifted() {
    let closed = DoorEvent::Closed { locked: false };
    assert_eq!(DoorEvent::from_payload("door.closed", 1, json!({})), Ok(closed));
}

#[test]
fn an_upcaster_may_refuse() {
    let error = DoorEvent::from_payload("door.closed", 2, json!({})).expect_err("refused");
    assert_eq!(error, PayloadError::malformed("door.closed", "version 2 was a mistake".into()));
}

#[test]
fn a_newer_version_is_refused() {
    let refused = PayloadError::unknown_version("door.closed", 4, 3);
    assert_eq!(DoorEvent::from_payload("door.closed", 4, json!({ "locked": true })), Err(refused));
}

#[test]
fn an_older_version_without_an_upcaster_is_refused() {
    let refused = PayloadError::unknown_version("door.painted", 1, 2);
    assert_eq!(DoorEvent::from_payload("door.painted", 1, json!({})), Err(refused));
}

#[test]
fn there_is_no_version_zero() {
    let refused = PayloadError::unknown_version("door.closed", 0, 3);
    assert_eq!(DoorEvent::from_payload("door.closed", 0, json!({})), Err(refused));
}

#[test]
fn an_unknown_name_is_refused() {
    let refused = PayloadError::unknown_name("door.slammed");
    assert_eq!(DoorEvent::from_payload("door.slammed", 1, json!({})), Err(refused));
    assert!(NoEvent::SCHEMAS.is_empty());
    assert!(NoEvent::from_payload("door.opened", 1, json!({})).is_err());
}
