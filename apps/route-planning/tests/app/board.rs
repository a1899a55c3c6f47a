//! The board as a fold of events: values in, values out.

use crate::sample::{driver, new_plan};
use idp::application::Recorded;
use idp::domain::{
    ContentHasher, DomainEvent, Envelope, EventRecord, FieldType, Uuid, canonical_json,
};
use idp::prelude::*;
use route_planning::board::{BoardRow, RoutePlanBoard};
use route_planning_domain::{RoutePlan, RoutePlanEvent, RoutePlanId, Status};

fn plan() -> RoutePlanId {
    RoutePlanId::from_uuid(Uuid::from_u128(1))
}

fn time(version: i64) -> Timestamp {
    Timestamp::from_unix_micros(version * 1_000_000)
}

/// The event as a store would have kept it.
fn envelope(event: &RoutePlanEvent, aggregate_version: i64) -> Envelope {
    let schema = event.schema();
    let record = EventRecord {
        event_id: Uuid::from_u128(100),
        occurred_at: time(aggregate_version),
        tenant: TenantId::new("acme").expect("a tenant"),
        aggregate_type: "route_plan".into(),
        aggregate_id: plan().uuid(),
        aggregate_version,
        event_type: schema.name.into(),
        schema_id: schema.schema_id.into(),
        schema_version: schema.version,
        payload: canonical_json(&event.payload()).expect("canonical"),
        metadata: [].into(),
    };
    Envelope::seal(record, &ContentHasher::Plain).expect("canonical")
}

/// The row after these events of one plan.
fn fold(events: &[RoutePlanEvent]) -> Option<BoardRow> {
    events.iter().zip(1..).fold(None, |row, (event, version)| {
        let envelope = envelope(event, version);
        let event = Recorded { event, envelope: &envelope };
        assert_eq!(RoutePlanBoard.key(&event), Some(plan().to_value()));
        RoutePlanBoard.fold(row, &event)
    })
}

fn created() -> RoutePlanEvent {
    let plan = RoutePlan::create(plan(), new_plan("monday/1", 3)).expect("it keeps the rules");
    plan.pending().as_slice()[0].clone()
}

#[test]
fn a_created_plan_is_ready_on_the_board() {
    let row = fold(&[created()]).expect("a row");
    assert_eq!((row.status, row.driver, row.plan_version), (Status::Ready, None, 1));
    assert_eq!((row.stop_count, row.load, row.capacity), (2, 9, 10));
    assert_eq!((row.planned_at, row.dispatched_at), (time(1), None));
}

#[test]
fn the_board_tells_who_drives_and_when_it_was_done() {
    let dispatched = RoutePlanEvent::Dispatched { driver: driver(7) };
    let row = fold(&[created(), dispatched.clone()]).expect("a row");
    assert_eq!((row.status, row.driver), (Status::InProgress, Some(driver(7))));
    assert_eq!((row.dispatched_at, row.completed_at), (Some(time(2)), None));
    let row = fold(&[created(), dispatched, RoutePlanEvent::Completed]).expect("a row");
    assert_eq!((row.status, row.completed_at), (Status::Done, Some(time(3))));
    assert_eq!((row.plan_version, row.planned_at), (3, time(1)));
}

#[test]
fn a_plan_that_was_never_created_has_no_row() {
    assert_eq!(fold(&[RoutePlanEvent::Completed]), None);
}
