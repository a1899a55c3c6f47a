//! Reads vehicle routing instances and their solutions from text, checks them and costs their
//! routes exactly.
//!
//! The crate is pure: it takes the name of a file (for messages only) and its text, and does no
//! I/O.
//!
//! | what | read from |
//! |---|---|
//! | capacitated instances | VRPLIB, the CVRP part of TSPLIB95 (G. Reinelt, *TSPLIB 95*, 1995), as CVRPLIB publishes them |
//! | instances with time windows | the text format of M. M. Solomon, *Algorithms for the vehicle routing and scheduling problems with time window constraints*, Operations Research 35(2), 1987 |
//! | solutions | the `Route #k: …` and `Cost X` lines of CVRPLIB |
//!
//! ```
//! use route_planning_vrp::{Instance, Solution, plan, total};
//!
//! let text = "\
//! NAME : corner
//! TYPE : CVRP
//! DIMENSION : 3
//! EDGE_WEIGHT_TYPE : EUC_2D
//! CAPACITY : 10
//! NODE_COORD_SECTION
//! 1 0 0
//! 2 3 0
//! 3 3 4
//! DEMAND_SECTION
//! 1 0
//! 2 4
//! 3 6
//! DEPOT_SECTION
//! 1
//! -1
//! EOF";
//! let instance = Instance::parse("corner.vrp", text)?;
//! let solution = Solution::parse("corner.sol", "Route #1: 1 2\nCost 12", &instance)?;
//! let routes = plan(&instance, Some(&solution))?;
//! assert_eq!(total(&routes).to_string(), "12");
//!
//! let lie = Solution::parse("corner.sol", "Route #1: 1 2\nCost 11", &instance).unwrap_err();
//! assert_eq!(lie.to_string(), "corner.sol:2: the routes cost 12, but the stated cost is 11");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not promised: good routes. Without a solution, [`plan`] builds routes that are valid and always
//! the same, by a textbook construction that nobody should confuse with an optimiser.

#![forbid(unsafe_code)]

mod tenths;

mod distance;
mod instance;

mod solution;

mod plan;
mod route;

mod insertion;
mod savings;

mod solomon;
mod tsplib;

mod line;
mod parse_error;
mod plan_error;

pub use instance::{Customer, Depot, Instance, Kind, Point, TimeWindow};
pub use parse_error::ParseError;
pub use plan::{CONSTRUCTED_CUSTOMERS_MAX, plan};
pub use plan_error::PlanError;
pub use route::{Route, total};
pub use solution::Solution;
pub use tenths::{Cost, Tenths};
