//! An aggregate and its row.

use crate::route_plan::{DriverId, RoutePlan, RoutePlanId, Status, Stop, plan};
use idp_domain::{
    Aggregate, Column, DomainEvent, Entity, EntityId, Kind, MappingError, Pending, Record,
    RowValues, TableKind, Timestamp, Uuid, Value, ValueObject,
};
use std::collections::BTreeMap;

#[derive(DomainEvent, Clone, Debug)]
enum NoEvent {}

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Weight(f64);

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Tags(Vec<String>);

/// One field of every kind, with the identity in a field of another name.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "parcel")]
struct Parcel {
    small: i16,
    medium: i32,
    large: i64,
    byte: u8,
    short: u16,
    count: u32,
    fragile: bool,
    volume: f64,
    r#type: String,
    token: Uuid,
    due: Timestamp,
    #[aggregate(id)]
    number: RoutePlanId,
    carrier: Option<DriverId>,
    weight: Weight,
    tags: Tags,
    status: Status,
    previous: Option<Status>,
    origin: Stop,
    detour: Option<Stop>,
    stops: Vec<Stop>,
    notes: Option<Vec<String>>,
    by_country: BTreeMap<String, Stop>,
    said: Pending<NoEvent>,
}

fn parcel() -> Parcel {
    let stop = Stop { name: "Łódź \"north\"".into(), minutes: 3 };
    Parcel {
        small: i16::MIN,
        medium: -1,
        large: i64::MAX,
        byte: u8::MAX,
        short: 2,
        count: u32::MAX,
        fragile: true,
        volume: 0.1,
        r#type: "box".into(),
        token: Uuid::from_u128(3),
        due: Timestamp::from_unix_micros(1_700_000_000_000_001),
        number: RoutePlanId::from_uuid(Uuid::from_u128(1)),
        carrier: Some(DriverId::from_uuid(Uuid::from_u128(2))),
        weight: Weight(1.5),
        tags: Tags(vec!["cold".into()]),
        status: Status::InTransit,
        previous: Some(Status::Delivered),
        origin: stop.clone(),
        detour: Some(stop.clone()),
        stops: vec![stop.clone(), stop.clone()],
        notes: Some(vec![]),
        by_country: BTreeMap::from([("PL".into(), stop)]),
        said: Pending::none(),
    }
}

fn values<R: Record>(record: &R) -> Vec<Value> {
    (0..R::SCHEMA.columns.len()).map(|column| record.value(column)).collect()
}

fn stored_and_loaded<R: Record>(record: &R) -> Result<R, MappingError> {
    R::from_row(RowValues::new(R::SCHEMA, values(record))?)
}

#[test]
fn every_kind_of_field_comes_back_from_its_row() {
    let before = parcel();
    let after = stored_and_loaded(&before).expect("the row is its own");
    assert!(after.changed_since(&before).is_empty());
    assert_eq!(after.id(), before.id());
}

#[test]
fn a_field_without_a_value_is_null_and_comes_back_as_none() {
    let before = Parcel { carrier: None, previous: None, detour: None, notes: None, ..parcel() };
    let after = stored_and_loaded(&before).expect("the row is its own");
    assert!(after.changed_since(&before).is_empty());
    assert_eq!(before.value(Parcel::DETOUR.column()), Value::Null);
}

#[test]
fn each_kind_of_value_object_is_stored_in_its_form() {
    let parcel = parcel();
    assert_eq!(parcel.value(Parcel::WEIGHT.column()), Value::Float(1.5));
    assert_eq!(parcel.value(Parcel::STATUS.column()), Value::Text("in_transit".into()));
    assert_eq!(parcel.value(Parcel::PREVIOUS.column()), Value::Text("done".into()));
    assert_eq!(parcel.value(Parcel::TAGS.column()), Value::Json(r#"["cold"]"#.into()));
}

#[test]
fn the_schema_lists_what_the_attribute_and_the_fields_say() {
    let schema = RoutePlan::SCHEMA;
    assert_eq!((schema.name, schema.kind), ("route_plan", TableKind::Aggregate));
    assert!(schema.soft_delete && schema.audit);
    assert_eq!(schema.key_column(), &Column { name: "id", kind: Kind::Uuid, nullable: false });
    let columns: Vec<_> = schema.columns.iter().map(|c| (c.name, c.kind, c.nullable)).collect();
    assert_eq!(
        columns,
        [
            ("id", Kind::Uuid, false),
            ("reference", Kind::Text, false),
            ("status", Kind::Text, false),
            ("priority", Kind::Int, false),
            ("driver", Kind::Uuid, true),
            ("stops", Kind::Json, false),
        ]
    );
    assert_eq!(schema.unique, [[1]]);
    assert_eq!(schema.indexes, [&[2, 3][..], &[4]]);
}

#[test]
fn a_marked_field_is_the_identity_and_a_raw_name_loses_its_prefix() {
    assert_eq!(Parcel::SCHEMA.key_column().name, "number");
    assert_eq!(Parcel::SCHEMA.columns[Parcel::TYPE.column()].name, "type");
    assert!(!Parcel::SCHEMA.soft_delete && !Parcel::SCHEMA.audit);
}

#[test]
fn only_the_fields_that_differ_have_changed() {
    let before = plan();
    let mut after = before.clone();
    after.dispatch().expect("it has a stop");
    after.stops[0].minutes += 1;
    let changed: Vec<usize> = after.changed_since(&before).iter().collect();
    assert_eq!(changed, [RoutePlan::STATUS.column(), RoutePlan::STOPS.column()]);
}

#[test]
fn events_are_no_change_of_the_state() {
    let before = plan();
    let mut after = before.clone();
    after.events.pull();
    assert!(after.changed_since(&before).is_empty());
}

#[test]
fn a_loaded_aggregate_carries_no_events() {
    let before = plan();
    assert_eq!(before.pending().as_slice().len(), 2);
    let after = stored_and_loaded(&before).expect("the row is its own");
    assert!(after.pending().is_empty());
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_the_name_of_its_column() {
    let mut values = values(&plan());
    values[RoutePlan::STATUS.column()] = Value::Text("lost".into());
    let row = RowValues::new(RoutePlan::SCHEMA, values).expect("it is complete");
    let error = RoutePlan::from_row(row).expect_err("there is no such status");
    assert_eq!(
        error.to_string(),
        "column `status`: expected one of `draft`, `in_transit`, `done`, found `lost`"
    );
}

#[test]
#[should_panic = "`route_plan` has no column 6"]
fn there_is_no_column_for_the_events() {
    plan().value(6);
}
