//! A run in a few lines, for the end of a command that runs on several buses.

use crate::check::{Finding, Record};
use crate::failure::Outcome;
use crate::journal::Line;
use crate::nemesis::{Fault, Seen};
use crate::report::{Verdict, verdicts};
use idp_domain::Uuid;
use idp_testkit::{Entry, Outcome as Fate};
use std::collections::HashSet;

/// `cargo xtask` says here where it looks for the summary.
const FILE: &str = "IDP_CHAOS_SUMMARY";

/// Leaves it where it is looked for, if anybody does.
pub(crate) fn leave(record: &Record, seen: &[Seen], findings: &[Finding]) -> Outcome {
    let Some(file) = std::env::var_os(FILE) else { return Ok(()) };
    Ok(std::fs::write(file, text(record, seen, findings))?)
}

fn text(record: &Record, seen: &[Seen], findings: &[Finding]) -> String {
    let bus = record.bus.name();
    let (plain, picky) = (arrivals(&record.plain.lines), arrivals(&record.picky.lines));
    let stored = count(record.found.iter().map(|found| found.delivery.event));
    let lines = [
        ("operations", operations(&record.plain.lines)),
        ("deliveries", format!("plain {}, picky {}, {bus} {}", plain.0, picky.0, stored.0)),
        ("duplicates", format!("plain {}, picky {}, {bus} {}", plain.1, picky.1, stored.1)),
        ("faults", faults(seen)),
        ("checks", checks(seen, findings)),
    ];
    lines.map(|(title, text)| format!("   {title:12}{text}\n")).concat()
}

/// How many commits ended how.
pub(crate) fn fates(lines: &[Line], fate: Fate) -> usize {
    let is_so = |line: &&Line| matches!(line, Line::Entry(Entry::Intent(i)) if i.outcome == fate);
    lines.iter().filter(is_so).count()
}

fn operations(lines: &[Line]) -> String {
    let count = |fate| fates(lines, fate);
    let (committed, rolled_back) = (count(Fate::Committed), count(Fate::RolledBack));
    // Each is on record before it is tried, too.
    let unknown = count(Fate::Unknown).saturating_sub(committed + rolled_back);
    format!("{committed} commits, {rolled_back} rolled back, {unknown} unknown")
}

fn arrivals(lines: &[Line]) -> (usize, usize) {
    count(lines.iter().filter_map(|line| match line {
        Line::Entry(Entry::Delivery(delivery)) => Some(delivery.event),
        _ => None,
    }))
}

/// How many there are, and how many of these were there before.
fn count(events: impl Iterator<Item = Uuid>) -> (usize, usize) {
    let mut known = HashSet::new();
    events.fold((0, 0), |(all, again), event| (all + 1, again + usize::from(!known.insert(event))))
}

fn faults(seen: &[Seen]) -> String {
    let times = |fault: Fault| seen.iter().filter(|seen| seen.fault == fault).count();
    let kinds = Fault::ALL.into_iter().filter(|fault| times(*fault) > 0);
    let kinds = kinds.map(|fault| format!("{} {}", fault.name(), times(fault)));
    kinds.collect::<Vec<_>>().join(", ")
}

fn checks(seen: &[Seen], findings: &[Finding]) -> String {
    let verdicts = verdicts(seen, findings);
    let of = |wanted: fn(Verdict) -> bool| {
        let some = verdicts.iter().filter(|(_, _, verdict)| wanted(*verdict));
        some.map(|(letter, _, _)| *letter).collect::<Vec<_>>().join(" ")
    };
    let groups = [
        ("kept", of(|verdict| verdict == Verdict::Kept)),
        ("NOT KEPT", of(|verdict| matches!(verdict, Verdict::Broken(_)))),
        ("not tried", of(|verdict| verdict == Verdict::NotTried)),
    ];
    let groups = groups.iter().filter(|(_, letters)| !letters.is_empty());
    groups.map(|(how, letters)| format!("{how}: {letters}")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Bus;
    use crate::check::sample::{arrival, intent};
    use crate::journal::Journal;
    use std::collections::HashMap;
    use std::time::Duration;

    fn journal(lines: Vec<Line>) -> Journal {
        let mut journal = Journal::of("nowhere".into());
        journal.lines = lines;
        journal
    }

    #[test]
    fn a_run_is_told_in_a_few_lines() {
        let plain = vec![
            intent(1, 1, Fate::Unknown),
            intent(1, 1, Fate::Committed),
            arrival(1),
            arrival(1),
            intent(1, 2, Fate::Unknown),
            intent(1, 2, Fate::RolledBack),
            intent(1, 3, Fate::Unknown),
        ];
        let record = Record {
            bus: Bus::Redis,
            plain: journal(plain),
            picky: journal(vec![arrival(1)]),
            broker: journal(vec![]),
            found: vec![],
            log: HashMap::new(),
        };
        let zero = Duration::ZERO;
        let fault = Fault::GracefulStops;
        let seen = [Seen { fault, lasted: zero, recovered: zero, left: 0 }; 2];
        let finding = Finding { promise: "a", text: String::new() };
        let text = text(&record, &seen, &[finding]);
        let told: Vec<_> = text.lines().map(str::trim).collect();
        let expected = [
            "operations  1 commits, 1 rolled back, 1 unknown",
            "deliveries  plain 2, picky 1, redis 0",
            "duplicates  plain 1, picky 0, redis 0",
            "faults      graceful_stops 2",
            "checks      kept: b c d g i l m numbers; NOT KEPT: a; not tried: j",
        ];
        assert_eq!(told, expected);
    }
}
