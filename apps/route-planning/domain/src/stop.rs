//! One visit of a plan.

use crate::{Location, TimeWindow};
use idp_domain::ValueObject;

/// A visit to one customer.
#[derive(ValueObject, Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// The number of the customer.
    pub customer: u32,
    /// Where the customer is.
    pub location: Location,
    /// What to load for the customer, in the unit of the capacity; zero is a visit without a load.
    pub demand: u32,
    /// When service may begin, where the customer says so.
    pub window: Option<TimeWindow>,
}
