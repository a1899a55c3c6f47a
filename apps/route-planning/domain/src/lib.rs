//! The domain of route planning: a plan is created ready, dispatched to a driver, and completed.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod route_plan;

mod location;
mod status;
mod stop;
mod time_window;

mod ids;
mod route_plan_error;
mod route_plan_event;

pub use ids::{DriverId, RoutePlanId};
pub use location::Location;
pub use route_plan::{NewRoutePlan, RoutePlan};
pub use route_plan_error::RoutePlanError;
pub use route_plan_event::RoutePlanEvent;
pub use status::Status;
pub use stop::Stop;
pub use time_window::TimeWindow;
