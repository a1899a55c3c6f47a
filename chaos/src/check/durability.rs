//! Guarantees a and b, at their root: the log has what was said to be committed, after every crash
//! of the database, and nothing that was said to be rolled back.

use super::{Finding, entries};
use crate::journal::Line;
use idp_domain::Uuid;
use idp_testkit::{Entry, Outcome};
use std::collections::HashMap;

pub(super) fn check(lines: &[Line], log: &HashMap<Uuid, Uuid>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in entries(lines) {
        let Entry::Intent(intent) = entry else { continue };
        for event in &intent.events {
            match (intent.outcome, log.contains_key(event)) {
                (Outcome::Committed, false) => findings.push(Finding::new(
                    "a",
                    format!("event {event} was said to be committed and is not in the log"),
                )),
                (Outcome::RolledBack, true) => findings.push(Finding::new(
                    "b",
                    format!("event {event} was said to be rolled back and is in the log"),
                )),
                _ => {}
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::sample::intent;
    use super::*;

    #[test]
    fn a_commit_that_a_crash_undid_is_found() {
        let log = HashMap::from([(Uuid::from_u128(1), Uuid::nil())]);
        let kept = [intent(9, 1, Outcome::Committed), intent(9, 2, Outcome::RolledBack)];
        assert_eq!(check(&kept, &log), []);
        assert_eq!(check(&[intent(9, 2, Outcome::Committed)], &log)[0].promise, "a");
        assert_eq!(check(&[intent(9, 1, Outcome::RolledBack)], &log)[0].promise, "b");
        assert_eq!(check(&[intent(9, 2, Outcome::Unknown)], &log), []);
    }
}
