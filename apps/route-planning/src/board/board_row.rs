//! One line of the board.

use idp::domain::ReadModel;
use idp::prelude::Timestamp;
use route_planning_domain::{DriverId, Location, RoutePlanId, Status, Stop};

/// A plan as the board shows it: everything for a list, a map and a clock.
#[derive(ReadModel, Clone, Debug, PartialEq)]
#[read_model(name = "route_plan_board", key = plan_id, index(status, priority, reference))]
pub struct BoardRow {
    /// Which plan.
    pub plan_id: RoutePlanId,
    /// What people call it.
    pub reference: String,
    /// How far it has come.
    pub status: Status,
    /// Larger goes first.
    pub priority: i32,
    /// Who drives it.
    pub driver: Option<DriverId>,
    /// Where the route starts and ends.
    pub depot: Location,
    /// The visits, in order.
    pub stops: Vec<Stop>,
    /// How many they are.
    pub stop_count: u32,
    /// What the vehicle loads.
    pub load: u32,
    /// What it can load.
    pub capacity: u32,
    /// What the route costs, in tenths.
    pub cost_tenths: i64,
    /// The version of the plan that the row shows.
    pub plan_version: i64,
    /// When it was created.
    pub planned_at: Timestamp,
    /// When a driver set out.
    pub dispatched_at: Option<Timestamp>,
    /// When every stop was served.
    pub completed_at: Option<Timestamp>,
}
