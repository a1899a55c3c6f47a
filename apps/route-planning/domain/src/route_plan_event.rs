//! What a route plan tells the world.

use crate::{DriverId, Location, Stop};
use idp_domain::DomainEvent;

/// The events of a route plan, in the order in which they can happen.
#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub enum RoutePlanEvent {
    /// A route was planned. It carries the whole plan, so that readers need not ask back.
    #[event(name = "route_plan.created")]
    Created {
        /// What people call the plan.
        reference: String,
        /// Where the route starts and ends.
        depot: Location,
        /// The visits, in order.
        stops: Vec<Stop>,
        /// What the vehicle can load.
        capacity: u32,
        /// What it loads.
        load: u32,
        /// What the route costs, in tenths.
        cost_tenths: i64,
        /// Larger goes first.
        priority: i32,
    },
    /// A driver set out.
    #[event(name = "route_plan.dispatched")]
    Dispatched {
        /// Who drives.
        driver: DriverId,
    },
    /// Every stop was served.
    #[event(name = "route_plan.completed")]
    Completed,
}
