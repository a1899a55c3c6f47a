//! The route plan: one vehicle's round from the depot to the depot, and its rules.

use crate::{DriverId, Location, RoutePlanError, RoutePlanEvent, RoutePlanId, Status, Stop};
use idp_domain::{Aggregate, Pending};
use std::collections::HashSet;

/// A planned round. Ready at first, in progress once a driver has it, done when every stop was
/// served.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "route_plan", soft_delete, audit, unique(reference), index(status, priority))]
pub struct RoutePlan {
    id: RoutePlanId,
    reference: String,
    depot: Location,
    stops: Vec<Stop>,
    capacity: u32,
    cost_tenths: i64,
    status: Status,
    priority: i32,
    driver: Option<DriverId>,
    events: Pending<RoutePlanEvent>,
}

/// What a new plan is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRoutePlan {
    /// What people call the plan; unique in the tenant.
    pub reference: String,
    /// Where the route starts and ends.
    pub depot: Location,
    /// The visits, in order.
    pub stops: Vec<Stop>,
    /// What the vehicle can load.
    pub capacity: u32,
    /// What the route costs, in tenths.
    pub cost_tenths: i64,
    /// Larger goes first.
    pub priority: i32,
}

impl RoutePlan {
    /// The longest reference, in characters.
    pub const REFERENCE_LENGTH_MAX: u32 = 120;

    /// The most stops.
    pub const STOPS_MAX: u32 = 1_000;

    /// A plan that is ready, if it keeps every rule.
    pub fn create(id: RoutePlanId, new: NewRoutePlan) -> Result<Self, RoutePlanError> {
        let load = new.check()?;
        let NewRoutePlan { reference, depot, stops, capacity, cost_tenths, priority } = new;
        let created = RoutePlanEvent::Created {
            reference: reference.clone(),
            depot,
            stops: stops.clone(),
            capacity,
            load,
            cost_tenths,
            priority,
        };
        Ok(Self {
            id,
            reference,
            depot,
            stops,
            capacity,
            cost_tenths,
            status: Status::Ready,
            priority,
            driver: None,
            events: Pending::first(created),
        })
    }

    /// Gives the plan to a driver, who sets out.
    pub fn dispatch(&mut self, driver: DriverId) -> Result<(), RoutePlanError> {
        if self.status != Status::Ready {
            return Err(RoutePlanError::NotReady { status: self.status.as_str() });
        }
        self.status = Status::InProgress;
        self.driver = Some(driver);
        self.events.raise(RoutePlanEvent::Dispatched { driver });
        Ok(())
    }

    /// Every stop was served.
    pub fn complete(&mut self) -> Result<(), RoutePlanError> {
        if self.status != Status::InProgress {
            return Err(RoutePlanError::NotInProgress { status: self.status.as_str() });
        }
        self.status = Status::Done;
        self.events.raise(RoutePlanEvent::Completed);
        Ok(())
    }

    /// What people call the plan.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Where the route starts and ends.
    pub fn depot(&self) -> Location {
        self.depot
    }

    /// The visits, in order.
    pub fn stops(&self) -> &[Stop] {
        &self.stops
    }

    /// What the vehicle can load.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// What it loads: the sum of the demands, at most the capacity.
    pub fn load(&self) -> u32 {
        self.stops.iter().fold(0, |load, stop| load.saturating_add(stop.demand))
    }

    /// What the route costs, in tenths.
    pub fn cost_tenths(&self) -> i64 {
        self.cost_tenths
    }

    /// How far it has come.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Larger goes first.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// Who drives it; `None` while it is ready.
    pub fn driver(&self) -> Option<DriverId> {
        self.driver
    }
}

impl NewRoutePlan {
    /// Checks every rule, and gives the load.
    fn check(&self) -> Result<u32, RoutePlanError> {
        check_reference(&self.reference)?;
        if !self.depot.is_finite() {
            return Err(RoutePlanError::DepotNowhere);
        }
        if self.cost_tenths < 0 {
            return Err(RoutePlanError::NegativeCost);
        }
        check_stops(&self.stops)?;
        let load: u64 = self.stops.iter().map(|stop| u64::from(stop.demand)).sum();
        let over_capacity = RoutePlanError::OverCapacity { load, capacity: self.capacity };
        u32::try_from(load).ok().filter(|load| *load <= self.capacity).ok_or(over_capacity)
    }
}

fn check_reference(reference: &str) -> Result<(), RoutePlanError> {
    let length_max = RoutePlan::REFERENCE_LENGTH_MAX;
    let length = u32::try_from(reference.chars().count()).unwrap_or(u32::MAX);
    let is_usable = !reference.trim().is_empty() && !reference.contains(char::is_control);
    if is_usable && length <= length_max {
        return Ok(());
    }
    Err(RoutePlanError::UnusableReference { length_max })
}

fn check_stops(stops: &[Stop]) -> Result<(), RoutePlanError> {
    let stops_max = RoutePlan::STOPS_MAX;
    if stops.is_empty() {
        return Err(RoutePlanError::NoStops);
    }
    if stops.len() as u64 > u64::from(stops_max) {
        return Err(RoutePlanError::TooManyStops { stops_max });
    }
    let mut visited = HashSet::new();
    for stop in stops {
        let customer = stop.customer;
        if !visited.insert(customer) {
            return Err(RoutePlanError::CustomerTwice { customer });
        }
        if !stop.location.is_finite() {
            return Err(RoutePlanError::CustomerNowhere { customer });
        }
        if stop.window.is_some_and(|window| !window.is_possible()) {
            return Err(RoutePlanError::ImpossibleWindow { customer });
        }
    }
    Ok(())
}
