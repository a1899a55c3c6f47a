//! Recorded histories, and the checkers of the guarantees.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod history;
mod violation;

mod check;

pub use check::check;
pub use history::{Delivery, Entry, Fault, History, Intent, Outcome};
pub use violation::Violation;
