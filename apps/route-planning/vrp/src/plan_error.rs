//! Why routes are refused: because of what they do, or because none can be built.

use crate::tenths::{Cost, Tenths};
use std::error::Error;
use std::fmt;

/// Why there is no plan. Routes are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// A route visits nobody.
    EmptyRoute {
        /// The route.
        route: u32,
    },
    /// A route visits a customer that the instance does not have.
    UnknownCustomer {
        /// The route.
        route: u32,
        /// The number that no customer has.
        customer: u32,
    },
    /// A customer is visited a second time.
    ServedTwice {
        /// The customer.
        customer: u32,
        /// The route of the first visit.
        first: u32,
        /// The route of the second visit, perhaps the same.
        route: u32,
    },
    /// Customers are in no route.
    NotServed {
        /// The first of them, in the order of the instance.
        customer: u32,
        /// How many they are.
        customers: usize,
    },
    /// A route loads more than a vehicle can take.
    OverCapacity {
        /// The route.
        route: u32,
        /// What the route loads.
        load: u64,
        /// What a vehicle can take.
        capacity: u32,
    },
    /// A vehicle reaches a customer after the window has closed.
    LateArrival {
        /// The route.
        route: u32,
        /// The customer.
        customer: u32,
        /// When the vehicle arrives.
        arrival: Tenths,
        /// The latest time to arrive.
        due: Tenths,
    },
    /// A vehicle is back after the depot has closed.
    LateReturn {
        /// The route.
        route: u32,
        /// When the vehicle is back.
        arrival: Tenths,
        /// The latest time to be back.
        due: Tenths,
    },
    /// There are more routes than vehicles.
    FleetExceeded {
        /// How many routes there are.
        routes: usize,
        /// How many vehicles there are.
        vehicles: u32,
    },
    /// The routes do not cost what the solution says.
    CostMismatch {
        /// What the solution says.
        stated: Cost,
        /// What the routes cost.
        computed: Cost,
    },
    /// No vehicle can reach the customer in time and be back in time, not even when it visits
    /// nobody else.
    OutOfReach {
        /// The customer.
        customer: u32,
    },
    /// The instance is too large to build routes for; it needs a solution.
    TooLarge {
        /// How many customers there are.
        customers: usize,
        /// For how many at most routes are built.
        customers_max: usize,
    },
}

impl PlanError {
    /// The route at fault, counted from 1; `None` if the fault is not in one route.
    pub fn route(&self) -> Option<u32> {
        match *self {
            PlanError::EmptyRoute { route }
            | PlanError::UnknownCustomer { route, .. }
            | PlanError::ServedTwice { route, .. }
            | PlanError::OverCapacity { route, .. }
            | PlanError::LateArrival { route, .. }
            | PlanError::LateReturn { route, .. } => Some(route),
            PlanError::NotServed { .. }
            | PlanError::FleetExceeded { .. }
            | PlanError::CostMismatch { .. }
            | PlanError::OutOfReach { .. }
            | PlanError::TooLarge { .. } => None,
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::EmptyRoute { route } => {
                write!(f, "expected at least one customer in route {route}, found none")
            }
            PlanError::UnknownCustomer { route, customer } => {
                write!(f, "route {route} visits customer {customer}, who is not in the instance")
            }
            PlanError::ServedTwice { customer, first, route } if first == route => {
                write!(f, "route {route} visits customer {customer} twice")
            }
            PlanError::ServedTwice { customer, first, route } => {
                write!(
                    f,
                    "route {route} visits customer {customer}, whom route {first} visits, too"
                )
            }
            PlanError::NotServed { customer, customers: 1 } => {
                write!(f, "no route visits customer {customer}")
            }
            PlanError::NotServed { customer, customers } => {
                write!(f, "no route visits {customers} of the customers, the first is {customer}")
            }
            PlanError::OverCapacity { route, load, capacity } => {
                write!(f, "route {route} has load {load}, over the capacity {capacity}")
            }
            PlanError::LateArrival { route, customer, arrival, due } => {
                write!(f, "route {route} arrives at customer {customer} at {arrival}, due {due}")
            }
            PlanError::LateReturn { route, arrival, due } => {
                write!(f, "route {route} is back at the depot at {arrival}, due {due}")
            }
            PlanError::FleetExceeded { routes, vehicles } => {
                write!(f, "{routes} routes need more than the {vehicles} vehicles there are")
            }
            PlanError::CostMismatch { stated, computed } => {
                write!(f, "the routes cost {computed}, but the stated cost is {stated}")
            }
            PlanError::OutOfReach { customer } => {
                write!(f, "no vehicle can reach customer {customer} and be back in time")
            }
            PlanError::TooLarge { customers, customers_max } => {
                write!(
                    f,
                    "routes are built for at most {customers_max} customers, not for {customers}: give a solution"
                )
            }
        }
    }
}

impl Error for PlanError {}
