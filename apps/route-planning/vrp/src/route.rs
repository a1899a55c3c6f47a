//! One vehicle's round: whom it visits in which order, what it loads and what it costs.

use crate::instance::{Customer, Instance, TimeWindow};
use crate::plan_error::PlanError;
use crate::tenths::{Cost, Tenths};

/// A round from the depot to the depot that a vehicle can drive: it has the capacity, and no window
/// is missed.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Counted from 1, as in `Route #1:` of a solution.
    pub number: u32,
    /// The customers in the order of the visits; at least one.
    pub stops: Vec<Customer>,
    /// The sum of their demands; at most the capacity of a vehicle.
    pub load: u32,
    /// The sum of the distances, from and to the depot included. Waiting and service cost nothing.
    pub cost: Cost,
}

/// What all `routes` cost together.
pub fn total(routes: &[Route]) -> Cost {
    routes.iter().map(|route| route.cost).sum()
}

impl Route {
    /// Drives the round: fails when it visits nobody, loads too much or is late anywhere.
    pub(crate) fn drive(
        instance: &Instance,
        number: u32,
        stops: Vec<Customer>,
    ) -> Result<Route, PlanError> {
        if stops.is_empty() {
            return Err(PlanError::EmptyRoute { route: number });
        }
        let load = load(instance, number, &stops)?;
        let cost = travel(instance, number, &stops)?;
        Ok(Route { number, stops, load, cost })
    }
}

fn load(instance: &Instance, route: u32, stops: &[Customer]) -> Result<u32, PlanError> {
    let capacity = instance.capacity();
    let load = stops.iter().map(|stop| u64::from(stop.demand)).sum::<u64>();
    match u32::try_from(load) {
        Ok(load) if load <= capacity => Ok(load),
        _ => Err(PlanError::OverCapacity { route, load, capacity }),
    }
}

/// The distance driven. The clock runs along it: arrive, wait until the window opens, serve, leave
/// (Solomon 1987).
fn travel(instance: &Instance, route: u32, stops: &[Customer]) -> Result<Cost, PlanError> {
    let depot = instance.depot();
    let opening = depot.window.unwrap_or(TimeWindow::ALWAYS);
    let (mut here, mut clock, mut cost) = (depot.place(), opening.ready, Tenths::ZERO);
    for stop in stops {
        let leg = instance.distance(here, stop.place());
        let (arrival, window) = (clock + leg, stop.window.unwrap_or(TimeWindow::ALWAYS));
        if arrival > window.due {
            let (customer, due) = (stop.number, window.due);
            return Err(PlanError::LateArrival { route, customer, arrival, due });
        }
        (here, clock, cost) = (stop.place(), window.leave(arrival), cost + leg);
    }
    let leg = instance.distance(here, depot.place());
    let (arrival, due) = (clock + leg, opening.due);
    if arrival > due {
        return Err(PlanError::LateReturn { route, arrival, due });
    }
    Ok(cost + leg)
}
