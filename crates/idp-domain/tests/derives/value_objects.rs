//! Value objects in the three forms in which they are stored.

use crate::route_plan::{RoutePlanId, Status, Stop};
use idp_domain::{EntityId, FieldType, Kind, Uuid, Value, ValueObject};
use std::fmt::Debug;

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Reference(String);

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Window {
    from: u8,
    until: Option<u8>,
    r#type: Option<Reference>,
}

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Nothing {}

/// Every shape of variant; the first is made of the others.
#[derive(ValueObject, Clone, Debug, PartialEq)]
enum Action {
    Sequence {
        steps: Vec<Action>,
        status: Status,
    },
    Visit(Stop),
    Swap(i32, Reference),
    Pause,
    #[value_object(rename = "return")]
    DriveHome {
        window: Option<Window>,
        id: RoutePlanId,
    },
    Idle(Nothing),
}

#[track_caller]
fn is_stored_as<T: FieldType + Debug>(value: &T, json: &str) {
    assert_eq!(T::KIND, Kind::Json);
    assert_eq!(value.to_value(), Value::Json(json.into()));
    assert_eq!(T::from_value(Value::Json(json.into())).as_ref(), Ok(value));
}

#[test]
fn a_composite_is_stored_as_an_object() {
    let window = Window { from: 8, until: None, r#type: Some(Reference("a".into())) };
    is_stored_as(&window, r#"{"from":8,"until":null,"type":"a"}"#);
    is_stored_as(&Nothing {}, "{}");
}

#[test]
fn a_variant_with_data_is_stored_under_its_name() {
    let stop = Stop { name: "depot".into(), minutes: 5 };
    is_stored_as(&Action::Visit(stop), r#"{"visit":{"name":"depot","minutes":5}}"#);
    is_stored_as(&Action::Swap(1, Reference("b".into())), r#"{"swap":[1,"b"]}"#);
    is_stored_as(&Action::Pause, r#""pause""#);
    is_stored_as(&Action::Idle(Nothing {}), r#"{"idle":{}}"#);
    is_stored_as(
        &Action::DriveHome { window: None, id: RoutePlanId::from_uuid(Uuid::nil()) },
        r#"{"return":{"window":null,"id":"00000000-0000-0000-0000-000000000000"}}"#,
    );
}

#[test]
fn a_value_object_may_hold_others_of_its_own_type() {
    let steps = vec![Action::Pause, Action::Sequence { steps: vec![], status: Status::Delivered }];
    is_stored_as(
        &Action::Sequence { steps, status: Status::Draft },
        r#"{"sequence":{"steps":["pause",{"sequence":{"steps":[],"status":"done"}}],"status":"draft"}}"#,
    );
}

#[test]
fn a_missing_optional_member_is_none_and_unknown_members_are_ignored() {
    let stored = Value::Json(r#"{"from":8,"colour":"red"}"#.into());
    let window = Window { from: 8, until: None, r#type: None };
    assert_eq!(Window::from_value(stored), Ok(window));
}

#[test]
fn a_missing_member_is_named() {
    let error = Window::from_value(Value::Json("{}".into())).expect_err("incomplete");
    assert_eq!(error.to_string(), "bad JSON: missing field `from` at line 1 column 2");
}

#[test]
fn a_struct_around_one_value_is_stored_as_that_value() {
    assert_eq!(Reference::KIND, Kind::Text);
    assert_eq!(Reference("a".into()).to_value(), Value::Text("a".into()));
    assert_eq!(Reference::from_value(Value::Text("a".into())), Ok(Reference("a".into())));
    assert_eq!(Option::<Reference>::from_value(Value::Null), Ok(None));
}

#[test]
fn an_enum_without_data_is_stored_as_text() {
    assert_eq!(Status::KIND, Kind::Text);
    assert_eq!(Status::InTransit.as_str(), "in_transit");
    for status in [Status::Draft, Status::InTransit, Status::Delivered] {
        assert_eq!(Status::from_value(status.to_value()), Ok(status));
        assert_eq!(status.as_str().parse(), Ok(status));
    }
}

#[test]
fn a_text_that_is_no_variant_is_refused_with_those_that_are() {
    let error = "lost".parse::<Status>().expect_err("there is no such status");
    assert_eq!(error.to_string(), "expected one of `draft`, `in_transit`, `done`, found `lost`");
}
