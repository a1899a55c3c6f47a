//! Guarantee d, where the time of day jumps for relay processes: leases are counted by other clocks, so
//! nobody loses one, and nothing arrives twice.

use super::Finding;
use crate::journal::{Line, Mark};
use crate::nemesis::Fault;
use idp_testkit::Entry;
use std::collections::HashSet;

pub(super) fn check(lines: &[Line]) -> Vec<Finding> {
    let is_it = |fault: &str| fault == Fault::RelayClocksStepped.name();
    let mut arrived = HashSet::new();
    let (mut has_begun, mut again) = (false, 0);
    for line in lines {
        match line {
            Line::Mark { mark: Mark::Began { fault } } if is_it(fault) => has_begun = true,
            Line::Mark { mark: Mark::Healed { fault } } if is_it(fault) => has_begun = false,
            Line::Entry(Entry::Delivery(delivery)) => {
                let is_new = arrived.insert(delivery.event);
                again += u32::from(has_begun && !is_new);
            }
            _ => {}
        }
    }
    let text = format!("{again} messages arrived again while clocks of relays jumped");
    (again > 0).then(|| Finding::new("d", text)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{arrival, mark};
    use super::*;

    fn around(during: Line, after: Line) -> Vec<Line> {
        let fault = || Fault::RelayClocksStepped.name().to_owned();
        let begin = mark(Mark::Began { fault: fault() });
        vec![arrival(1), begin, during, mark(Mark::Healed { fault: fault() }), after]
    }

    #[test]
    fn a_lease_that_a_jump_ends_is_told_by_what_arrives_again() {
        let findings = check(&around(arrival(1), arrival(2)));
        assert_eq!(findings[0].text, "1 messages arrived again while clocks of relays jumped");
    }

    #[test]
    fn what_arrives_again_at_other_times_is_not_held_against_clocks() {
        assert_eq!(check(&around(arrival(2), arrival(1))), []);
        let mut lines = around(arrival(2), arrival(3));
        let other = Mark::Began { fault: Fault::BrokerKilled.name().to_owned() };
        lines.extend([mark(other), arrival(1)]);
        assert_eq!(check(&lines), []);
    }
}
