//! The route plan as a row with typed values, and its rules.

use crate::BoxError;
use crate::write_path::workload::{self, VISITS};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Location {
    x: f64,
    y: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TimeWindow {
    ready_tenths: i64,
    due_tenths: i64,
    service_tenths: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Stop {
    customer: u32,
    location: Location,
    demand: u32,
    window: Option<TimeWindow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ready,
    InProgress,
    Done,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::InProgress => "in_progress",
            Self::Done => "done",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, BoxError> {
        match text {
            "ready" => Ok(Self::Ready),
            "in_progress" => Ok(Self::InProgress),
            "done" => Ok(Self::Done),
            other => Err(format!("there is no status `{other}`").into()),
        }
    }
}

/// One row of `route_plan`.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) reference: String,
    pub(crate) depot: Location,
    pub(crate) stops: Vec<Stop>,
    pub(crate) capacity: i64,
    pub(crate) cost_tenths: i64,
    pub(crate) status: Status,
    pub(crate) priority: i64,
    pub(crate) driver: Option<Uuid>,
}

/// What a driver is told. The members stand in the order of their names, and no number is written
/// differently by others, so that serde writes the canonical form.
#[derive(Debug, Serialize)]
pub(crate) struct Briefing {
    cost_tenths: i64,
    depot: Location,
    load: u32,
    note: &'static str,
    reference: String,
    stops: usize,
    vehicle: &'static str,
}

/// The payload of both events.
#[derive(Debug, Serialize)]
pub(crate) struct Payload {
    briefing: Briefing,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<Uuid>,
}

impl Plan {
    /// The plan of the workload with that number, and what happened.
    pub(crate) fn create(number: usize) -> Result<(Self, Payload), BoxError> {
        let (x, y) = workload::DEPOT;
        let plan = Self {
            id: Uuid::now_v7(),
            version: 1,
            reference: workload::reference(number),
            depot: Location { x, y },
            stops: VISITS.iter().map(Stop::at).collect(),
            capacity: workload::CAPACITY.into(),
            cost_tenths: workload::COST_TENTHS,
            status: Status::Ready,
            priority: workload::PRIORITY.into(),
            driver: None,
        };
        let briefing = plan.briefing();
        if i64::from(briefing.load) > plan.capacity {
            return Err("the load is over the capacity".into());
        }
        Ok((plan, Payload { briefing, driver: None }))
    }

    /// Gives the plan to a driver.
    pub(crate) fn dispatch(&mut self, driver: Uuid) -> Result<Payload, BoxError> {
        if self.status != Status::Ready {
            return Err("only a plan that is ready can be dispatched".into());
        }
        self.status = Status::InProgress;
        self.driver = Some(driver);
        Ok(Payload { briefing: self.briefing(), driver: Some(driver) })
    }

    fn briefing(&self) -> Briefing {
        Briefing {
            cost_tenths: self.cost_tenths,
            depot: self.depot,
            load: self.stops.iter().fold(0, |load, stop| load.saturating_add(stop.demand)),
            note: workload::NOTE,
            reference: self.reference.clone(),
            stops: self.stops.len(),
            vehicle: workload::VEHICLE,
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
