//! Guarantee d: every message that arrived again is explained by a fault of the tenure it was lost
//! to.

use crate::{Fault, Happened, History, Violation};
use idp_domain::Uuid;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A lane under an epoch.
type Tenure = (i16, i64);

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut violations = two_owners(history);
    for (tenure, found) in charges(history) {
        let allowed = allowance(history, tenure);
        if found > allowed {
            let (lane, epoch) = tenure;
            violations.push(Violation::Duplicates { lane, epoch, found, allowed });
        }
    }
    violations
}

/// How many duplicates each tenure has to answer for. A message that a later tenure sent again is
/// charged to the last tenure before it that had sent it and did not record it. One that arrives
/// late, from a tenure that others have succeeded, or twice from the same, is charged to its own.
fn charges(history: &History) -> BTreeMap<Tenure, u64> {
    let mut charges = BTreeMap::new();
    let mut senders: HashMap<Uuid, BTreeSet<i64>> = HashMap::new();
    for delivery in &history.deliveries {
        let epochs = senders.entry(delivery.event).or_default();
        if !epochs.is_empty() {
            let before = epochs.range(..delivery.epoch).next_back();
            // Its own tenure had it arrive before, or a later tenure had.
            let is_own = epochs.range(delivery.epoch..).next().is_some();
            let charged = before.filter(|_| !is_own).unwrap_or(&delivery.epoch);
            *charges.entry((delivery.lane, *charged)).or_default() += 1;
        }
        epochs.insert(delivery.epoch);
    }
    charges
}

fn allowance(history: &History, tenure: Tenure) -> u64 {
    let sent = tenures_in(history, tenure.0);
    let mut is_lost = false;
    let mut ambiguous = 0;
    for Happened { fault, after } in &history.faults {
        match *fault {
            Fault::LeasesLost { worker } => {
                let of_worker = sent.get(&worker);
                is_lost |= of_worker.is_some_and(|sent| may_be_lost(sent, tenure.1, *after));
            }
            Fault::AmbiguousSend { lane, epoch, messages, .. } => {
                ambiguous += if (lane, epoch) == tenure { messages } else { 0 };
            }
        }
    }
    ambiguous + if is_lost { history.batch_size } else { 0 }
}

/// The epochs under which each worker sent in a lane, with how many messages had arrived before the first.
fn tenures_in(history: &History, lane: i16) -> HashMap<Uuid, BTreeMap<i64, usize>> {
    let mut tenures: HashMap<Uuid, BTreeMap<i64, usize>> = HashMap::new();
    let deliveries = history.deliveries.iter().enumerate();
    for (before, delivery) in deliveries.filter(|(_, delivery)| delivery.lane == lane) {
        tenures.entry(delivery.worker).or_default().entry(delivery.epoch).or_insert(before);
    }
    tenures
}

/// Whether a worker with those tenures may have lost that one by a fault at that time. It had the last in
/// which something had arrived; or else the one behind that, in which nothing had arrived yet.
fn may_be_lost(sent: &BTreeMap<i64, usize>, epoch: i64, after: Option<usize>) -> bool {
    if !sent.contains_key(&epoch) {
        return false;
    }
    let Some(after) = after else { return true };
    let last = sent.iter().rev().find(|(_, first)| **first < after).map(|(last, _)| *last);
    let next = sent.range(last.map_or(i64::MIN, |last| last.saturating_add(1))..).next();
    Some(epoch) == last || Some(epoch) == next.map(|(next, _)| *next)
}

fn two_owners(history: &History) -> Vec<Violation> {
    let mut owners: BTreeMap<Tenure, HashSet<Uuid>> = BTreeMap::new();
    for delivery in &history.deliveries {
        owners.entry((delivery.lane, delivery.epoch)).or_default().insert(delivery.worker);
    }
    let shared = owners.into_iter().filter(|(_, owners)| owners.len() > 1);
    shared.map(|((lane, epoch), _)| Violation::TwoOwners { lane, epoch }).collect()
}
