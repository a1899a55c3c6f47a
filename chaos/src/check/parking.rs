//! Guarantee i: exactly the keys that the bus refuses are parked; they hold up no other key and are
//! not overtaken; in the end everything was delivered or discarded by command.

use super::{Finding, entries};
use crate::journal::{Line, Mark};
use crate::place::is_poisoned;
use idp_domain::Uuid;
use idp_testkit::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) fn check(lines: &[Line], log: &HashMap<Uuid, Uuid>) -> Vec<Finding> {
    let resumed = lines.iter().enumerate().find_map(|(at, line)| match line {
        Line::Mark { mark: Mark::Resuming { parked } } => Some((at, parked)),
        _ => None,
    });
    let Some((at, parked)) = resumed else {
        return vec![Finding::new("i", "the run never came to the parked keys")];
    };
    let mut findings = parked_set(parked, log);
    let before = delivered(&lines[..at]);
    for (event, aggregate) in log {
        match (is_poisoned(*aggregate), before.contains(event)) {
            (true, true) => findings.push(Finding::new(
                "i",
                format!("event {event} of the poisoned {aggregate} arrived while it was parked"),
            )),
            (false, false) => findings.push(Finding::new(
                "i",
                format!("event {event} of {aggregate} was held up by keys that are parked"),
            )),
            _ => {}
        }
    }
    findings.extend(accounts(lines, log));
    findings
}

fn parked_set(parked: &[Uuid], log: &HashMap<Uuid, Uuid>) -> Vec<Finding> {
    let expected: BTreeSet<Uuid> =
        log.values().copied().filter(|aggregate| is_poisoned(*aggregate)).collect();
    let parked: BTreeSet<Uuid> = parked.iter().copied().collect();
    if expected.is_empty() {
        return vec![Finding::new("i", "nothing was poisoned, so nothing is shown")];
    }
    let text = format!("poisoned: {expected:?}, parked: {parked:?}");
    if parked == expected { vec![] } else { vec![Finding::new("i", text)] }
}

/// Each event of the log was delivered or discarded, not both and not neither.
fn accounts(lines: &[Line], log: &HashMap<Uuid, Uuid>) -> Vec<Finding> {
    let delivered = delivered(lines);
    let discarded: HashSet<Uuid> = entries(lines)
        .filter_map(|entry| match entry {
            Entry::Discarded(event) => Some(*event),
            _ => None,
        })
        .collect();
    let wrong = log.keys().filter(|event| delivered.contains(event) == discarded.contains(event));
    let wrong = wrong.map(|event| {
        let how = if delivered.contains(event) {
            "was discarded and arrived"
        } else {
            "was neither delivered nor discarded by command"
        };
        Finding::new("i", format!("event {event} {how}"))
    });
    wrong.collect()
}

fn delivered(lines: &[Line]) -> HashSet<Uuid> {
    entries(lines)
        .filter_map(|entry| match entry {
            Entry::Delivery(delivery) => Some(delivery.event),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{arrival, mark};
    use super::*;

    /// Event 1 of a healthy key, events 2 and 3 of a poisoned one.
    fn log() -> HashMap<Uuid, Uuid> {
        let pairs = [(1, 1), (2, 107), (3, 107)];
        pairs.map(|(event, key)| (Uuid::from_u128(event), Uuid::from_u128(key))).into()
    }

    fn resuming(parked: &[u128]) -> Line {
        let parked = parked.iter().map(|key| Uuid::from_u128(*key)).collect();
        mark(Mark::Resuming { parked })
    }

    fn discarded(event: u128) -> Line {
        Line::Entry(Entry::Discarded(Uuid::from_u128(event)))
    }

    #[test]
    fn parking_that_keeps_its_promise_is_acquitted() {
        let lines = [arrival(1), resuming(&[107]), arrival(2), discarded(3)];
        assert_eq!(check(&lines, &log()), []);
    }

    #[test]
    fn a_relay_that_skips_instead_of_parking_is_convicted() {
        let lines = [arrival(1), resuming(&[])];
        let findings = check(&lines, &log());
        assert!(findings.iter().any(|finding| finding.text.contains("parked: {}")), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.text.contains("neither")), "{findings:?}");
    }

    #[test]
    fn a_parked_key_that_holds_up_another_is_convicted() {
        let lines = [resuming(&[107]), arrival(1), arrival(2), arrival(3)];
        let findings = check(&lines, &log());
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].text.contains("held up"), "{findings:?}");
    }

    #[test]
    fn an_event_that_overtakes_its_parked_key_is_convicted() {
        let lines = [arrival(1), arrival(3), resuming(&[107]), arrival(2)];
        assert!(check(&lines, &log())[0].text.contains("while it was parked"));
    }

    #[test]
    fn an_event_that_is_discarded_and_sent_is_convicted() {
        let lines = [arrival(1), resuming(&[107]), arrival(2), discarded(3), arrival(3)];
        assert!(check(&lines, &log())[0].text.contains("was discarded and arrived"));
    }

    #[test]
    fn a_run_without_poison_shows_nothing() {
        assert_eq!(check(&[arrival(1)], &log()).len(), 1);
    }
}
