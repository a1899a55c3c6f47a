//! Turns an instance into routes: those of a solution, which are verified, or those of a
//! construction.

use crate::instance::{Customer, Instance, Kind};
use crate::plan_error::PlanError;
use crate::route::{Route, total};
use crate::solution::Solution;
use crate::{insertion, savings};
use std::collections::HashMap;

/// For how many customers at most routes are built: as many as the largest instances of CVRPLIB's
/// set X and of Gehring and Homberger have. Insertion takes cubic time, a few seconds at worst here.
pub const CONSTRUCTED_CUSTOMERS_MAX: usize = 1_000;

/// The routes of `solution`, or without one the routes of a construction.
///
/// With a solution, every promise is checked, whoever made the solution: each customer is visited
/// once, no route is over capacity or late, there are vehicles enough, and the routes cost what the
/// solution says.
///
/// Without one, routes are built by Clarke and Wright's savings ([`Kind::Capacitated`]) or by
/// inserting whoever costs the smallest detour ([`Kind::TimeWindows`]). The result is valid, and
/// the same on every machine and every time, but not the cheapest. It fails if a customer cannot be
/// reached in time at all, if the routes need more vehicles than there are (an optimiser might need
/// fewer), and above [`CONSTRUCTED_CUSTOMERS_MAX`] customers.
pub fn plan(instance: &Instance, solution: Option<&Solution>) -> Result<Vec<Route>, PlanError> {
    match solution {
        Some(solution) => verify(instance, solution),
        None => construct(instance),
    }
}

/// The routes of `solution` if they keep every promise of [`plan`].
pub(crate) fn verify(instance: &Instance, solution: &Solution) -> Result<Vec<Route>, PlanError> {
    let rounds = rounds(instance, solution)?;
    let routes = drive(instance, rounds)?;
    let (stated, computed) = (solution.cost, total(&routes));
    if stated != computed {
        return Err(PlanError::CostMismatch { stated, computed });
    }
    Ok(routes)
}

fn construct(instance: &Instance) -> Result<Vec<Route>, PlanError> {
    let (customers, customers_max) = (instance.customers().len(), CONSTRUCTED_CUSTOMERS_MAX);
    if customers > customers_max {
        return Err(PlanError::TooLarge { customers, customers_max });
    }
    let rounds = match instance.kind() {
        Kind::Capacitated => savings::rounds(instance),
        Kind::TimeWindows => insertion::rounds(instance)?,
    };
    drive(instance, rounds)
}

/// The customers of each route of `solution`; every customer of the instance exactly once.
fn rounds(instance: &Instance, solution: &Solution) -> Result<Vec<Vec<Customer>>, PlanError> {
    let mut served = HashMap::new();
    let mut rounds = Vec::new();
    for (route, numbers) in (1..).zip(&solution.routes) {
        let mut round = Vec::new();
        for &customer in numbers {
            let found = instance.find(customer);
            round.push(*found.ok_or(PlanError::UnknownCustomer { route, customer })?);
            if let Some(first) = served.insert(customer, route) {
                return Err(PlanError::ServedTwice { customer, first, route });
            }
        }
        rounds.push(round);
    }
    let everyone = instance.customers().iter();
    let mut missed = everyone.filter(|customer| !served.contains_key(&customer.number));
    match missed.next() {
        Some(first) => {
            let customers = 1 + missed.count();
            Err(PlanError::NotServed { customer: first.number, customers })
        }
        None => Ok(rounds),
    }
}

/// Drives every round, one vehicle each.
fn drive(instance: &Instance, rounds: Vec<Vec<Customer>>) -> Result<Vec<Route>, PlanError> {
    let routes = (1..).zip(rounds).map(|(number, stops)| Route::drive(instance, number, stops));
    let routes = routes.collect::<Result<Vec<_>, _>>()?;
    match instance.vehicles() {
        Some(vehicles) if routes.len() as u64 > u64::from(vehicles) => {
            Err(PlanError::FleetExceeded { routes: routes.len(), vehicles })
        }
        _ => Ok(routes),
    }
}
