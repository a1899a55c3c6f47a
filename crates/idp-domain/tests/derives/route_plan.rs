//! The aggregate of the front door, as an application would write it. The other tests use it.
#![allow(unreachable_pub, reason = "it is written as an application writes it")]

use idp_domain::{
    Aggregate, DomainError, DomainEvent, EntityId, Pending, Uuid, ValueObject, entity_id,
};

entity_id! {
    /// Identifies a route plan.
    pub struct RoutePlanId;
    /// Identifies a driver.
    pub struct DriverId;
}

#[derive(ValueObject, Clone, Debug, PartialEq)]
pub struct Stop {
    pub name: String,
    pub minutes: u32,
}

#[derive(ValueObject, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Draft,
    InTransit,
    #[value_object(rename = "done")]
    Delivered,
}

#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub enum RoutePlanEvent {
    #[event(name = "route_plan.created")]
    Created { reference: String },
    #[event(name = "route_plan.stop_added")]
    StopAdded(Stop),
    #[event(name = "route_plan.dispatched")]
    Dispatched,
}

#[derive(DomainError, Debug, PartialEq)]
pub enum RoutePlanError {
    #[error("a plan without stops cannot be dispatched")]
    NoStops,
}

#[derive(Aggregate, Clone, Debug)]
#[aggregate(
    name = "route_plan",
    soft_delete,
    audit,
    unique(reference),
    index(status, priority),
    index(driver)
)]
pub struct RoutePlan {
    pub id: RoutePlanId,
    pub reference: String,
    pub status: Status,
    pub priority: i32,
    pub driver: Option<DriverId>,
    pub stops: Vec<Stop>,
    pub events: Pending<RoutePlanEvent>,
}

impl RoutePlan {
    pub fn create(id: RoutePlanId, reference: &str) -> Self {
        let reference = String::from(reference);
        let events = Pending::first(RoutePlanEvent::Created { reference: reference.clone() });
        Self {
            id,
            reference,
            status: Status::Draft,
            priority: 0,
            driver: None,
            stops: vec![],
            events,
        }
    }

    pub fn add_stop(&mut self, stop: Stop) {
        self.stops.push(stop.clone());
        self.events.raise(RoutePlanEvent::StopAdded(stop));
    }

    pub fn dispatch(&mut self) -> Result<(), RoutePlanError> {
        if self.stops.is_empty() {
            return Err(RoutePlanError::NoStops);
        }
        self.status = Status::InTransit;
        self.events.raise(RoutePlanEvent::Dispatched);
        Ok(())
    }
}

/// A plan with one stop, ready to be dispatched.
pub fn plan() -> RoutePlan {
    let mut plan = RoutePlan::create(RoutePlanId::from_uuid(Uuid::from_u128(7)), "R-7");
    plan.add_stop(Stop { name: "depot".into(), minutes: 5 });
    plan
}

#[test]
fn a_plan_without_stops_cannot_be_dispatched() {
    let mut plan = RoutePlan::create(RoutePlanId::from_uuid(Uuid::from_u128(7)), "R-7");
    assert_eq!(plan.dispatch(), Err(RoutePlanError::NoStops));
    assert_eq!(plan.events.as_slice().len(), 1);
}

#[test]
fn a_dispatched_plan_says_so_last() {
    let mut plan = plan();
    plan.dispatch().expect("it has a stop");
    assert_eq!(plan.pending().as_slice().last(), Some(&RoutePlanEvent::Dispatched));
}
