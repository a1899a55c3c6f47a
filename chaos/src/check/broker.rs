//! What a bus declares, held against what its broker has: each event stored once, or no more often
//! than lost leases and sends that were left open explain (d); and nothing of a worker that was
//! fenced behind what its successor stored.

use super::{Finding, entries};
use crate::journal::{Line, Mark};
use crate::stored::Found;
use idp_domain::Uuid;
use idp_testkit::{Delivery, Entry, History};
use std::collections::{BTreeSet, HashMap};

/// Whoever worked on a lane under an epoch.
type Workers = HashMap<(i16, i64), Uuid>;

/// Adds what the broker has, and what may explain that it has something twice. Of a bus that stores
/// once nothing may.
pub(super) fn add(history: &mut History, lines: &[Line], found: &[Found]) {
    let stores_once = declared(lines).iter().all(|(stores_once, _)| *stores_once);
    let workers = workers(lines);
    for Found { delivery, .. } in found {
        let worker = workers.get(&(delivery.lane, delivery.epoch)).filter(|_| !stores_once);
        let worker = worker.copied().unwrap_or_default();
        history.push(Entry::Delivery(Delivery { worker, ..delivery.clone() }));
    }
    if !stores_once {
        for entry in entries(lines) {
            match entry {
                // What the broker has says nothing of when it came.
                Entry::Fault(fault) => history.faults.push((*fault).into()),
                entry => history.push(entry.clone()),
            }
        }
    }
}

pub(super) fn check(lines: &[Line], found: &[Found]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let declared = declared(lines);
    if declared.len() != 1 {
        let text = format!("the workers' buses declare {declared:?}, which is not one thing");
        findings.push(Finding::new("d", text));
    }
    findings.extend(shared_tenures(lines));
    if declared.iter().any(|(_, fences)| *fences) {
        findings.extend(zombies(found));
    }
    findings
}

/// Whether it stores once, and whether it fences, as the buses of the workers say.
fn declared(lines: &[Line]) -> BTreeSet<(bool, bool)> {
    let declared = lines.iter().filter_map(|line| match line {
        Line::Mark { mark: Mark::Declared { stores_once, fences } } => {
            Some((*stores_once, *fences))
        }
        _ => None,
    });
    declared.collect()
}

fn tenures(lines: &[Line]) -> impl Iterator<Item = ((i16, i64), Uuid)> {
    lines.iter().filter_map(|line| match line {
        Line::Mark { mark: Mark::Tenure { worker, lane, epoch } } => {
            Some(((*lane, *epoch), *worker))
        }
        _ => None,
    })
}

fn workers(lines: &[Line]) -> Workers {
    tenures(lines).collect()
}

fn shared_tenures(lines: &[Line]) -> Vec<Finding> {
    let workers = workers(lines);
    let others = tenures(lines).filter(|(tenure, worker)| workers[tenure] != *worker);
    let others = others.map(|((lane, epoch), _)| {
        Finding::new("d", format!("two workers sent in lane {lane} under epoch {epoch}"))
    });
    others.collect()
}

/// Within a shelf and a stream, epochs never fall.
fn zombies(found: &[Found]) -> Vec<Finding> {
    let mut highest: HashMap<(&str, &str), i64> = HashMap::new();
    let mut findings = Vec::new();
    for Found { shelf, delivery } in found {
        let known = highest.entry((shelf, &delivery.stream)).or_insert(delivery.epoch);
        if delivery.epoch < *known {
            let Delivery { stream, epoch, event, .. } = delivery;
            let text =
                format!("{stream} in {shelf}: event {event} of epoch {epoch} behind {known}");
            findings.push(Finding::new("d", format!("a fenced worker stored, {text}")));
        }
        *known = (*known).max(delivery.epoch);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::sample::mark;
    use super::*;
    use idp_testkit::{Fault, check as held_against_promises};

    fn found(epoch: i64, sequence: i64, event: u128) -> Found {
        let event = Uuid::from_u128(event);
        let (worker, stream) = (Uuid::nil(), "broker/1".to_owned());
        let delivery = Delivery { worker, lane: 1, stream, epoch, sequence, event };
        Found { shelf: "one".to_owned(), delivery }
    }

    fn declares(stores_once: bool, fences: bool) -> Line {
        mark(Mark::Declared { stores_once, fences })
    }

    fn tenure(worker: u128, epoch: i64) -> Line {
        mark(Mark::Tenure { worker: Uuid::from_u128(worker), lane: 1, epoch })
    }

    /// How many duplicates are not explained, of event 1 that was stored again by that tenure.
    fn duplicates(lines: &[Line], again: i64) -> usize {
        let mut history = History::new(50);
        history.faults = vec![Fault::LeasesLost { worker: Uuid::from_u128(7) }.into()];
        add(&mut history, lines, &[found(1, 1, 1), found(again, 1, 1)]);
        let violations = held_against_promises(&history);
        violations.iter().filter(|v| super::super::promise(v) == "d").count()
    }

    #[test]
    fn a_bus_that_declares_to_store_once_and_stores_twice_is_convicted() {
        assert_eq!(duplicates(&[declares(true, false), tenure(7, 1), tenure(8, 2)], 2), 1);
    }

    #[test]
    fn a_duplicate_that_a_lost_lease_explains_is_acquitted_where_duplicates_are_declared() {
        assert_eq!(duplicates(&[declares(false, false), tenure(7, 1), tenure(8, 2)], 2), 0);
        assert_eq!(duplicates(&[declares(false, false), tenure(6, 1), tenure(8, 2)], 2), 1);
    }

    #[test]
    fn a_send_that_was_left_open_explains_its_messages_and_no_others() {
        let lines = |epoch| {
            let fault =
                Fault::AmbiguousSend { worker: Uuid::from_u128(6), lane: 1, epoch, messages: 1 };
            [declares(false, false), tenure(6, 1), Line::Entry(Entry::Fault(fault))]
        };
        assert_eq!(duplicates(&lines(1), 1), 0);
        assert_eq!(duplicates(&lines(2), 1), 1);
    }

    #[test]
    fn a_zombie_behind_its_successor_is_convicted_where_the_bus_declares_to_fence() {
        let stored = [found(1, 1, 1), found(2, 2, 2), found(1, 3, 3)];
        assert_eq!(check(&[declares(true, true)], &stored).len(), 1);
        assert_eq!(check(&[declares(true, false)], &stored), []);
        assert_eq!(check(&[declares(true, true)], &stored[..2]), []);
    }

    #[test]
    fn two_workers_under_one_epoch_are_convicted() {
        let lines = [declares(true, false), tenure(6, 1), tenure(8, 1)];
        assert_eq!(check(&lines, &[]).len(), 1);
    }

    #[test]
    fn a_run_whose_buses_declare_nothing_shows_nothing() {
        assert_eq!(check(&[], &[]).len(), 1);
        assert_eq!(check(&[declares(true, true), declares(true, false)], &[]).len(), 1);
    }
}
