//! The route plan as an aggregate of idp. It has the columns of the application's, but events of
//! about 400 bytes each: the application's own are ten times smaller for a dispatch, which would
//! flatter whoever works most on an event.

use super::workload::{self, VISITS};
use idp_domain::{Aggregate, DomainError, DomainEvent, Pending, ValueObject, entity_id};

entity_id! {
    /// Identifies a route plan.
    pub(crate) struct RoutePlanId;
    /// Identifies a driver.
    pub(crate) struct DriverId;
}

#[derive(ValueObject, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Location {
    x: f64,
    y: f64,
}

#[derive(ValueObject, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeWindow {
    ready_tenths: i64,
    due_tenths: i64,
    service_tenths: i64,
}

#[derive(ValueObject, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stop {
    customer: u32,
    location: Location,
    demand: u32,
    window: Option<TimeWindow>,
}

#[derive(ValueObject, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ready,
    InProgress,
    Done,
}

/// What a driver is told.
#[derive(ValueObject, Clone, Debug, PartialEq)]
pub(crate) struct Briefing {
    reference: String,
    depot: Location,
    stops: u32,
    load: u32,
    cost_tenths: i64,
    vehicle: String,
    note: String,
}

#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub(crate) enum RoutePlanEvent {
    #[event(name = "route_plan.created")]
    Created { briefing: Briefing },
    #[event(name = "route_plan.dispatched")]
    Dispatched { briefing: Briefing, driver: DriverId },
}

#[derive(DomainError, Clone, Debug, PartialEq)]
pub(crate) enum RoutePlanError {
    #[error("the load {load} is over the capacity {capacity}")]
    OverCapacity { load: u32, capacity: u32 },
    #[error("only a plan that is ready can be dispatched")]
    NotReady,
}

#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "route_plan", soft_delete, audit, unique(reference), index(status, priority))]
pub(crate) struct RoutePlan {
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
#[derive(Clone, Debug)]
pub(crate) struct NewRoutePlan {
    reference: String,
    depot: Location,
    stops: Vec<Stop>,
    capacity: u32,
    cost_tenths: i64,
    priority: i32,
}

impl NewRoutePlan {
    /// The plan of the workload with that number.
    pub(crate) fn numbered(number: usize) -> Self {
        let (x, y) = workload::DEPOT;
        Self {
            reference: workload::reference(number),
            depot: Location { x, y },
            stops: VISITS.iter().map(Stop::at).collect(),
            capacity: workload::CAPACITY,
            cost_tenths: workload::COST_TENTHS,
            priority: workload::PRIORITY,
        }
    }
}

impl Stop {
    fn at(visit: &workload::Visit) -> Self {
        let workload::Window { ready_tenths, due_tenths, service_tenths } = visit.window;
        Self {
            customer: visit.customer,
            location: Location { x: visit.x, y: visit.y },
            demand: visit.demand,
            window: Some(TimeWindow { ready_tenths, due_tenths, service_tenths }),
        }
    }
}

impl RoutePlan {
    pub(crate) fn create(id: RoutePlanId, new: NewRoutePlan) -> Result<Self, RoutePlanError> {
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
        let briefing = plan.briefing();
        if briefing.load > capacity {
            return Err(RoutePlanError::OverCapacity { load: briefing.load, capacity });
        }
        plan.events.raise(RoutePlanEvent::Created { briefing });
        Ok(plan)
    }

    pub(crate) fn dispatch(&mut self, driver: DriverId) -> Result<(), RoutePlanError> {
        if self.status != Status::Ready {
            return Err(RoutePlanError::NotReady);
        }
        self.status = Status::InProgress;
        self.driver = Some(driver);
        let briefing = self.briefing();
        self.events.raise(RoutePlanEvent::Dispatched { briefing, driver });
        Ok(())
    }

    fn briefing(&self) -> Briefing {
        Briefing {
            reference: self.reference.clone(),
            depot: self.depot,
            stops: u32::try_from(self.stops.len()).unwrap_or(u32::MAX),
            load: self.stops.iter().fold(0, |load, stop| load.saturating_add(stop.demand)),
            cost_tenths: self.cost_tenths,
            vehicle: workload::VEHICLE.into(),
            note: workload::NOTE.into(),
        }
    }
}
