//! Places and stops, as clients send and get them.

use idp::http::schemars::{self, JsonSchema};
use route_planning_domain::{Location, Stop, TimeWindow};
use serde::{Deserialize, Serialize};

/// A point of the plane.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Location")]
pub(super) struct LocationBody {
    /// To the right.
    x: f64,
    /// Upwards.
    y: f64,
}

/// A visit to one customer.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stop")]
pub(super) struct StopBody {
    /// The number of the customer; each at most once in a plan.
    customer: u32,
    /// Where the customer is.
    location: LocationBody,
    /// What to load for the customer.
    demand: u32,
    /// When service may begin, where the customer says so.
    window: Option<WindowBody>,
}

/// When service may begin, in tenths of a unit of time since the start of the day.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TimeWindow")]
struct WindowBody {
    /// Not before.
    ready_tenths: i64,
    /// Not after.
    due_tenths: i64,
    /// How long service takes.
    service_tenths: i64,
}

impl LocationBody {
    pub(super) fn of(Location { x, y }: Location) -> Self {
        Self { x, y }
    }

    pub(super) fn location(self) -> Location {
        Location { x: self.x, y: self.y }
    }
}

impl StopBody {
    pub(super) fn of(stop: &Stop) -> Self {
        let Stop { customer, location, demand, window } = *stop;
        let window = window.map(|TimeWindow { ready_tenths, due_tenths, service_tenths }| {
            WindowBody { ready_tenths, due_tenths, service_tenths }
        });
        Self { customer, location: LocationBody::of(location), demand, window }
    }

    pub(super) fn stop(self) -> Stop {
        let Self { customer, location, demand, window } = self;
        let window = window.map(|WindowBody { ready_tenths, due_tenths, service_tenths }| {
            TimeWindow { ready_tenths, due_tenths, service_tenths }
        });
        Stop { customer, location: location.location(), demand, window }
    }
}
