//! Holds a recorded history against the guarantees.

mod arrival;
mod duplicates;
mod numbering;
mod stored;
#[cfg(test)]
mod tests;

pub use stored::check_stored;

use crate::{History, Violation};

/// Everything in the history that breaks a promise; empty when all are kept.
///
/// The history must be complete: the relays had the time to deliver everything, and what is not
/// there counts as lost. Promises, by the letters of the guarantees: a nothing lost; b no phantom;
/// c first deliveries of each aggregate in the order of its versions, without gaps; d no duplicates
/// that no fault explains: for each tenure (a lane under an epoch), one batch when its worker
/// lost its leases, and the messages of its ambiguous sends. And beside these: numbers are dense in
/// each lane and stay with their event, an epoch has one owner, a version one commit (g).
pub fn check(history: &History) -> Vec<Violation> {
    let mut violations = arrival::check(history);
    violations.extend(duplicates::check(history));
    violations.extend(numbering::check(history));
    violations
}
