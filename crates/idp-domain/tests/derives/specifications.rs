//! Specifications written with the constants of the fields.

use crate::route_plan::{DriverId, RoutePlan, RoutePlanId, Status, plan};
use idp_domain::{
    Aggregate, Direction, DomainEvent, EntityId, Pending, Specification, TextField, Uuid,
    ValueObject,
};

#[derive(DomainEvent, Clone, Debug)]
enum NoEvent {}

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Weight(f64);

#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "parcel")]
struct Parcel {
    id: RoutePlanId,
    weight: Weight,
    limit: Option<Weight>,
    events: Pending<NoEvent>,
}

fn driver(number: u128) -> DriverId {
    DriverId::from_uuid(Uuid::from_u128(number))
}

#[track_caller]
fn holds(specification: &Specification<RoutePlan>, plan: &RoutePlan, expected: bool) {
    assert_eq!(specification.is_satisfied_by(plan), expected, "{specification:?}");
}

#[test]
fn a_plan_satisfies_what_is_true_of_its_fields() {
    let plan = RoutePlan { priority: 3, driver: Some(driver(1)), ..plan() };
    holds(&RoutePlan::STATUS.eq(Status::Draft), &plan, true);
    holds(&RoutePlan::STATUS.is_in([Status::InTransit, Status::Delivered]), &plan, false);
    holds(&RoutePlan::PRIORITY.ge(3), &plan, true);
    holds(&RoutePlan::REFERENCE.eq("R-7"), &plan, true);
    holds(&RoutePlan::REFERENCE.starts_with("R-"), &plan, true);
    holds(&RoutePlan::DRIVER.eq(driver(1)), &plan, true);
    holds(&RoutePlan::DRIVER.is_null(), &plan, false);
    holds(&RoutePlan::ID.eq(plan.id), &plan, true);
    holds(&(RoutePlan::PRIORITY.lt(3) | !RoutePlan::STATUS.ne(Status::Draft)), &plan, true);
}

#[test]
fn a_missing_value_satisfies_no_comparison() {
    let plan = plan();
    holds(&RoutePlan::DRIVER.eq(driver(1)), &plan, false);
    holds(&!RoutePlan::DRIVER.eq(driver(1)), &plan, false);
    holds(&RoutePlan::DRIVER.is_null(), &plan, true);
}

#[test]
fn a_struct_around_a_value_that_can_be_compared_can_be_compared() {
    let id = RoutePlanId::from_uuid(Uuid::nil());
    let parcel = Parcel { id, weight: Weight(2.5), limit: None, events: Pending::none() };
    assert!(Parcel::WEIGHT.gt(Weight(2.0)).is_satisfied_by(&parcel));
    assert!(!Parcel::LIMIT.gt(Weight(2.0)).is_satisfied_by(&parcel));
}

#[test]
fn a_field_sorts_either_way() {
    let newest = RoutePlan::PRIORITY.desc();
    assert_eq!((newest.column(), newest.direction()), (3, Direction::Descending));
    assert_eq!(RoutePlan::PRIORITY.asc().direction(), Direction::Ascending);
}
