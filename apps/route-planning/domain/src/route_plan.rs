//! The route plan: one vehicle's round from the depot to the depot, and its rules.

use crate::{
    DriverId, Location, RoutePlanError, RoutePlanEvent, RoutePlanId, Status, Stop, TimeWindow,
};
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

    /// A plan that is ready. Fails with the first of the
    /// [broken rules](NewRoutePlan::broken_rules), if there is one.
    pub fn create(id: RoutePlanId, new: NewRoutePlan) -> Result<Self, RoutePlanError> {
        if let Some(rule) = new.broken_rules().into_iter().next() {
            return Err(rule);
        }
        let NewRoutePlan { reference, depot, stops, capacity, cost_tenths, priority } = new;
        let mut plan = Self {
            id,
            reference,
            depot,
            stops,
            capacity,
            cost_tenths,
            status: Status::Ready,
            priority,
            driver: None,
            events: Pending::none(),
        };
        plan.events.raise(plan.created());
        Ok(plan)
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

    fn created(&self) -> RoutePlanEvent {
        RoutePlanEvent::Created {
            reference: self.reference.clone(),
            depot: self.depot,
            stops: self.stops.clone(),
            capacity: self.capacity,
            load: self.load(),
            cost_tenths: self.cost_tenths,
            priority: self.priority,
        }
    }
}

impl NewRoutePlan {
    /// Every rule that the plan would break; none when it can be created.
    pub fn broken_rules(&self) -> Vec<RoutePlanError> {
        let mut broken = Vec::new();
        let mut demand = |holds: bool, rule: RoutePlanError| {
            if !holds {
                broken.push(rule);
            }
        };
        let (length_max, stops_max) = (RoutePlan::REFERENCE_LENGTH_MAX, RoutePlan::STOPS_MAX);
        let (load, capacity) = (self.load(), self.capacity);
        demand(self.has_usable_reference(), RoutePlanError::UnusableReference { length_max });
        demand(self.depot.is_finite(), RoutePlanError::DepotNowhere);
        demand(self.cost_tenths >= 0, RoutePlanError::NegativeCost);
        demand(!self.stops.is_empty(), RoutePlanError::NoStops);
        demand(
            self.stops.len() as u64 <= u64::from(stops_max),
            RoutePlanError::TooManyStops { stops_max },
        );
        demand(load <= u64::from(capacity), RoutePlanError::OverCapacity { load, capacity });
        let mut visited = HashSet::new();
        for Stop { customer, location, window, .. } in self.stops.iter().copied() {
            let is_possible = window.is_none_or(TimeWindow::is_possible);
            demand(visited.insert(customer), RoutePlanError::CustomerTwice { customer });
            demand(location.is_finite(), RoutePlanError::CustomerNowhere { customer });
            demand(is_possible, RoutePlanError::ImpossibleWindow { customer });
        }
        broken
    }

    fn load(&self) -> u64 {
        self.stops.iter().map(|stop| u64::from(stop.demand)).sum()
    }

    fn has_usable_reference(&self) -> bool {
        let length_max = RoutePlan::REFERENCE_LENGTH_MAX as usize;
        let Self { reference, .. } = self;
        !reference.trim().is_empty()
            && !reference.contains(char::is_control)
            && reference.chars().count() <= length_max
    }
}
