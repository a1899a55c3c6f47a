//! The rules of a route plan, as given, when, then.

use idp_domain::{Aggregate, DomainError, DomainEvent, Entity, EntityId, Uuid};
use route_planning_domain::{
    DriverId, Location, NewRoutePlan, RoutePlan, RoutePlanError, RoutePlanEvent, RoutePlanId,
    Status, Stop, TimeWindow,
};

const DRIVER: u128 = 7;

fn driver() -> DriverId {
    DriverId::from_uuid(Uuid::from_u128(DRIVER))
}

fn stop(customer: u32, demand: u32) -> Stop {
    let location = Location { x: f64::from(customer), y: 2.5 };
    Stop { customer, location, demand, window: None }
}

fn two_stops() -> NewRoutePlan {
    NewRoutePlan {
        reference: "tuesday/1".into(),
        depot: Location { x: 0.0, y: 0.0 },
        stops: vec![stop(1, 4), stop(2, 6)],
        capacity: 10,
        cost_tenths: 1_234,
        priority: 3,
    }
}

fn create(new: NewRoutePlan) -> Result<RoutePlan, RoutePlanError> {
    RoutePlan::create(RoutePlanId::from_uuid(Uuid::from_u128(1)), new)
}

fn refusal(change: impl FnOnce(&mut NewRoutePlan)) -> RoutePlanError {
    let mut new = two_stops();
    change(&mut new);
    create(new).expect_err("a rule forbids it")
}

/// A plan as a store gives it back: with its history behind it and no events.
fn given(happened: &[RoutePlanEvent]) -> RoutePlan {
    let mut plan = create(two_stops()).expect("it keeps the rules");
    for event in happened {
        match event {
            RoutePlanEvent::Created { .. } => {}
            RoutePlanEvent::Dispatched { driver } => plan.dispatch(*driver).expect("it is ready"),
            RoutePlanEvent::Completed => plan.complete().expect("it is in progress"),
        }
    }
    plan.pending_mut().pull();
    plan
}

fn dispatched() -> RoutePlanEvent {
    RoutePlanEvent::Dispatched { driver: driver() }
}

#[test]
fn a_new_plan_is_ready_and_tells_everything() {
    let plan = create(two_stops()).expect("it keeps the rules");
    assert_eq!((plan.status(), plan.driver(), plan.load()), (Status::Ready, None, 10));
    let new = two_stops();
    let created = RoutePlanEvent::Created {
        reference: new.reference,
        depot: new.depot,
        stops: new.stops,
        capacity: 10,
        load: 10,
        cost_tenths: 1_234,
        priority: 3,
    };
    assert_eq!(plan.pending().as_slice(), [created]);
    assert_eq!(plan.id().uuid(), Uuid::from_u128(1));
}

#[test]
fn a_ready_plan_is_dispatched_to_a_driver() {
    let mut plan = given(&[]);
    plan.dispatch(driver()).expect("it is ready");
    assert_eq!((plan.status(), plan.driver()), (Status::InProgress, Some(driver())));
    assert_eq!(plan.pending().as_slice(), [dispatched()]);
}

#[test]
fn a_dispatched_plan_cannot_be_dispatched_again() {
    let mut plan = given(&[dispatched()]);
    let refused = plan.dispatch(driver()).expect_err("a driver has it");
    assert_eq!(refused, RoutePlanError::NotReady { status: "in_progress" });
    assert!(plan.pending().is_empty());
}

#[test]
fn a_plan_in_progress_is_completed() {
    let mut plan = given(&[dispatched()]);
    plan.complete().expect("it is in progress");
    assert_eq!(plan.status(), Status::Done);
    assert_eq!(plan.pending().as_slice(), [RoutePlanEvent::Completed]);
}

#[test]
fn a_plan_that_nobody_drives_cannot_be_completed() {
    for (mut plan, status) in
        [(given(&[]), "ready"), (given(&[dispatched(), RoutePlanEvent::Completed]), "done")]
    {
        let refused = plan.complete().expect_err("nobody drives it");
        assert_eq!(refused, RoutePlanError::NotInProgress { status });
        assert!(plan.pending().is_empty());
    }
}

#[test]
fn a_plan_without_stops_is_refused() {
    assert_eq!(refusal(|new| new.stops.clear()), RoutePlanError::NoStops);
}

#[test]
fn a_plan_with_more_stops_than_a_day_holds_is_refused() {
    let refused = refusal(|new| new.stops = (0..=1_000).map(|number| stop(number, 0)).collect());
    assert_eq!(refused, RoutePlanError::TooManyStops { stops_max: 1_000 });
}

#[test]
fn a_customer_is_visited_once() {
    let refused = refusal(|new| new.stops.push(stop(1, 0)));
    assert_eq!(refused, RoutePlanError::CustomerTwice { customer: 1 });
}

#[test]
fn a_load_over_the_capacity_is_refused() {
    let refused = refusal(|new| new.capacity = 9);
    assert_eq!(refused, RoutePlanError::OverCapacity { load: 10, capacity: 9 });
    assert_eq!(refused.code(), "over_capacity");
}

#[test]
fn demands_that_no_number_holds_are_over_the_capacity() {
    let refused = refusal(|new| new.stops = vec![stop(1, u32::MAX), stop(2, u32::MAX)]);
    assert!(matches!(refused, RoutePlanError::OverCapacity { .. }));
}

#[test]
fn places_that_lie_nowhere_are_refused() {
    assert_eq!(refusal(|new| new.depot.x = f64::NAN), RoutePlanError::DepotNowhere);
    let refused = refusal(|new| new.stops[1].location.y = f64::INFINITY);
    assert_eq!(refused, RoutePlanError::CustomerNowhere { customer: 2 });
}

#[test]
fn a_window_that_nobody_can_keep_is_refused() {
    for (ready_tenths, due_tenths, service_tenths) in [(20, 10, 0), (-1, 10, 0), (0, 10, -1)] {
        let window = Some(TimeWindow { ready_tenths, due_tenths, service_tenths });
        let refused = refusal(|new| new.stops[0].window = window);
        assert_eq!(refused, RoutePlanError::ImpossibleWindow { customer: 1 });
    }
}

#[test]
fn a_reference_that_nobody_can_say_is_refused() {
    for reference in ["", " ", "a\nb", &"x".repeat(121)] {
        let refused = refusal(|new| new.reference = reference.into());
        assert_eq!(refused.code(), "unusable_reference", "{reference:?}");
    }
}

#[test]
fn a_negative_cost_is_refused() {
    assert_eq!(refusal(|new| new.cost_tenths = -1), RoutePlanError::NegativeCost);
}

#[test]
fn all_broken_rules_are_found_at_once() {
    let new = NewRoutePlan {
        reference: String::new(),
        stops: vec![stop(1, 6), stop(1, 6)],
        ..two_stops()
    };
    let codes: Vec<_> = new.broken_rules().iter().map(DomainError::code).collect();
    assert_eq!(codes, ["unusable_reference", "over_capacity", "customer_twice"]);
    assert!(two_stops().broken_rules().is_empty());
}

#[test]
fn events_read_back_from_what_was_kept_of_them() {
    let mut plan = given(&[]);
    plan.dispatch(driver()).expect("it is ready");
    for event in plan.pending().as_slice() {
        let schema = event.schema();
        let read = RoutePlanEvent::from_payload(schema.name, schema.version, event.payload());
        assert_eq!(read.as_ref(), Ok(event));
    }
}
