//! Guarantee j: a long transaction delays its own events only. Measured in the order of what
//! happened: what others commit in the first half of it arrives before it ends.

use super::{Finding, entries};
use crate::journal::{Line, Mark};
use idp_domain::Uuid;
use idp_testkit::{Entry, Outcome};
use std::collections::HashSet;

pub(super) fn check(lines: &[Line]) -> Vec<Finding> {
    let held = lines.iter().enumerate().filter_map(|(at, line)| match line {
        Line::Mark { mark: Mark::Held { aggregate } } => Some((at, *aggregate)),
        _ => None,
    });
    held.flat_map(|(at, aggregate)| {
        let (before, lines) = lines.split_at(at);
        transaction(before, lines, aggregate)
    })
    .collect()
}

/// The lines begin with the transaction. What others committed may have arrived before: a writer that was
/// slow notes a commit later than it was.
fn transaction(before: &[Line], lines: &[Line], aggregate: Uuid) -> Vec<Finding> {
    let place = |mark: &Mark| {
        lines.iter().position(|line| matches!(line, Line::Mark { mark: found } if found == mark))
    };
    let (half, end) = (place(&Mark::StillHeld { aggregate }), place(&Mark::LetGo { aggregate }));
    let (Some(half), Some(end)) = (half, end) else {
        return vec![Finding::new("j", "a long transaction was not brought to its end")];
    };
    let mut others = HashSet::new();
    for entry in entries(&lines[..half]) {
        if let Entry::Intent(intent) = entry
            && intent.outcome == Outcome::Committed
            && intent.aggregate != aggregate
        {
            others.extend(intent.events.iter().copied());
        }
    }
    if others.is_empty() {
        return vec![Finding::new("j", "nobody committed during the long transaction")];
    }
    let own: HashSet<Uuid> = entries(lines)
        .filter_map(|entry| match entry {
            Entry::Intent(intent) if intent.aggregate == aggregate => Some(intent.events.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    // The end is marked before it comes.
    let mut early = false;
    for entry in entries(before).chain(entries(&lines[..end])) {
        if let Entry::Delivery(delivery) = entry {
            others.remove(&delivery.event);
            early |= own.contains(&delivery.event);
        }
    }
    let mut findings = Vec::new();
    if early {
        findings.push(Finding::new("b", "an event arrived before its transaction ended"));
    }
    if !others.is_empty() {
        let text = format!("{} events of others waited for a long transaction", others.len());
        findings.push(Finding::new("j", text));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::sample::{arrival, intent, mark};
    use super::*;

    const SLOW: u128 = 900;

    fn history(during: Vec<Line>, after: Vec<Line>) -> Vec<Line> {
        let aggregate = Uuid::from_u128(SLOW);
        let mut lines = vec![mark(Mark::Held { aggregate }), intent(1, 1, Outcome::Committed)];
        lines.push(mark(Mark::StillHeld { aggregate }));
        lines.extend(during);
        lines.push(mark(Mark::LetGo { aggregate }));
        lines.push(intent(SLOW, 2, Outcome::Committed));
        lines.extend(after);
        lines
    }

    #[test]
    fn others_that_go_on_are_acquitted() {
        assert_eq!(check(&history(vec![arrival(1)], vec![arrival(2)])), []);
    }

    #[test]
    fn a_commit_that_its_writer_noted_after_it_had_arrived_is_no_delay() {
        let mut lines = vec![arrival(1)];
        lines.extend(history(vec![], vec![arrival(2)]));
        assert_eq!(check(&lines), []);
    }

    #[test]
    fn a_reader_that_waits_for_the_oldest_transaction_is_convicted() {
        let findings = check(&history(vec![], vec![arrival(1), arrival(2)]));
        assert_eq!(findings[0].text, "1 events of others waited for a long transaction");
    }

    #[test]
    fn a_reader_that_sends_what_is_not_committed_yet_is_convicted() {
        let findings = check(&history(vec![arrival(1), arrival(2)], vec![]));
        assert_eq!(findings[0].promise, "b");
    }

    #[test]
    fn a_transaction_that_nobody_worked_beside_shows_nothing() {
        let aggregate = Uuid::from_u128(SLOW);
        let marks =
            [Mark::Held { aggregate }, Mark::StillHeld { aggregate }, Mark::LetGo { aggregate }];
        assert_eq!(check(&marks.map(mark)).len(), 1);
    }
}
