//! What the rules of a route plan forbid.

use idp_domain::DomainError;

/// Why a route plan refuses what was asked.
#[derive(DomainError, Clone, Debug, PartialEq)]
pub enum RoutePlanError {
    /// People could not call the plan by it.
    #[error("a reference has 1 to {length_max} characters and no control characters")]
    UnusableReference {
        /// The longest reference.
        length_max: u32,
    },
    /// A route that visits nobody is none.
    #[error("a plan has at least one stop")]
    NoStops,
    /// No vehicle serves that many.
    #[error("a plan has at most {stops_max} stops")]
    TooManyStops {
        /// The most stops.
        stops_max: u32,
    },
    /// Everybody is visited once.
    #[error("customer {customer} is visited twice")]
    CustomerTwice {
        /// The number of the customer.
        customer: u32,
    },
    /// The stop is nowhere.
    #[error("the coordinates of customer {customer} are not finite")]
    CustomerNowhere {
        /// The number of the customer.
        customer: u32,
    },
    /// The depot is nowhere.
    #[error("the coordinates of the depot are not finite")]
    DepotNowhere,
    /// Nobody could keep the window.
    #[error(
        "the time window of customer {customer} closes before it opens, or has a negative time"
    )]
    ImpossibleWindow {
        /// The number of the customer.
        customer: u32,
    },
    /// The vehicle is too small.
    #[error("the load {load} is over the capacity {capacity}")]
    OverCapacity {
        /// The sum of the demands.
        load: u64,
        /// What the vehicle can load.
        capacity: u32,
    },
    /// Nobody is paid for driving.
    #[error("the cost must not be negative")]
    NegativeCost,
    /// Only a plan that nobody drives yet can be dispatched.
    #[error("only a plan that is ready can be dispatched; this one is {status}")]
    NotReady {
        /// What it is.
        status: &'static str,
    },
    /// Only a plan that somebody drives can be completed.
    #[error("only a plan in progress can be completed; this one is {status}")]
    NotInProgress {
        /// What it is.
        status: &'static str,
    },
}
