//! Guarantee d: every message that arrived again is explained by a fault of the tenure it was lost
//! to.

use crate::{Fault, History, Violation};
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
    let owners: HashSet<Uuid> = history
        .deliveries
        .iter()
        .filter(|d| (d.lane, d.epoch) == tenure)
        .map(|d| d.worker)
        .collect();
    let mut is_lost = false;
    let mut ambiguous = 0;
    for fault in &history.faults {
        match *fault {
            Fault::LeasesLost { worker } => is_lost |= owners.contains(&worker),
            Fault::AmbiguousSend { lane, epoch, messages, .. } => {
                ambiguous += if (lane, epoch) == tenure { messages } else { 0 };
            }
        }
    }
    ambiguous + if is_lost { history.batch_size } else { 0 }
}

fn two_owners(history: &History) -> Vec<Violation> {
    let mut owners: BTreeMap<Tenure, HashSet<Uuid>> = BTreeMap::new();
    for delivery in &history.deliveries {
        owners.entry((delivery.lane, delivery.epoch)).or_default().insert(delivery.worker);
    }
    let shared = owners.into_iter().filter(|(_, owners)| owners.len() > 1);
    shared.map(|((lane, epoch), _)| Violation::TwoOwners { lane, epoch }).collect()
}
