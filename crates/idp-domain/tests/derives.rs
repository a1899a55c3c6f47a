//! What the derives generate, used as an application uses it.

use idp_domain::*;
use std::collections::BTreeMap;
use std::fmt::Debug;

entity_id! {
    /// Identifies a route plan.
    pub struct RoutePlanId;
    /// Identifies a driver.
    pub struct DriverId;
}

#[derive(ValueObject, Clone, Copy, Debug, PartialEq)]
enum Status {
    Draft,
    InTransit,
    #[value_object(rename = "gone")]
    Dispatched,
}

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Reference(String);

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Tags(Vec<String>);

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Place {
    latitude: f64,
    longitude: f64,
}

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Stop {
    name: String,
    place: Place,
    note: Option<String>,
    action: Action,
}

#[derive(ValueObject, Clone, Debug, PartialEq)]
enum Action {
    Pause,
    PickUp(i32),
    DropOff { count: i32, r#type: Option<Reference> },
    Swap(i32, i32),
}

#[derive(DomainEvent, Clone, Debug, PartialEq)]
enum RoutePlanEvent {
    #[event(name = "route_plan.created")]
    Created { reference: Reference },
    #[event(name = "route_plan.stop_added")]
    StopAdded(Stop),
    #[event(name = "route_plan.dispatched")]
    Dispatched,
}

#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "route_plan", soft_delete, audit, unique(reference), index(status, priority))]
struct RoutePlan {
    id: RoutePlanId,
    reference: Reference,
    status: Status,
    priority: i32,
    stops: Vec<Stop>,
    tags: Tags,
    events: Pending<RoutePlanEvent>,
}

#[test]
fn smoke() {
    let _ = RoutePlan::STATUS.eq(Status::Draft) & RoutePlan::REFERENCE.ne(Reference("a".into()));
    let _ = RoutePlan::TAGS;
}
