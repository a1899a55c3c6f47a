//! Guarantees a, b, c (and g): what was committed arrives, nothing else does, and in order.

use crate::history::{Intent, Outcome};
use crate::{History, Violation};
use idp_domain::{TenantId, Uuid};
use std::collections::{BTreeMap, HashMap, HashSet};

type Key<'h> = (&'h TenantId, Uuid);

pub(super) fn check(history: &History) -> Vec<Violation> {
    let arrived: HashSet<Uuid> = history.deliveries.iter().map(|d| d.event).collect();
    let discarded: HashSet<Uuid> = history.discarded.iter().copied().collect();
    let intents = history.settled_intents();
    let mut aggregates: BTreeMap<Key<'_>, Vec<&Intent>> = BTreeMap::new();
    for intent in intents.into_iter().filter(|intent| happened(intent, &arrived)) {
        aggregates.entry((&intent.tenant, intent.aggregate)).or_default().push(intent);
    }
    let mut violations = Vec::new();
    for intents in aggregates.values_mut() {
        intents.sort_by_key(|intent| intent.version);
        violations.extend(lost_updates(intents));
        violations.extend(lost(intents, &arrived, &discarded));
    }
    violations.extend(first_arrivals(history, &aggregates));
    violations
}

/// A commit whose outcome is unknown happened if anything of it arrived.
fn happened(intent: &Intent, arrived: &HashSet<Uuid>) -> bool {
    match intent.outcome {
        Outcome::Committed => true,
        Outcome::RolledBack => false,
        Outcome::Unknown => intent.events.iter().any(|event| arrived.contains(event)),
    }
}

fn lost_updates(intents: &[&Intent]) -> Vec<Violation> {
    let twins = intents.windows(2).filter(|pair| pair[0].version == pair[1].version);
    let twins = twins.map(|pair| Violation::LostUpdate {
        aggregate: pair[0].aggregate,
        version: pair[0].version,
    });
    twins.collect()
}

fn lost(intents: &[&Intent], arrived: &HashSet<Uuid>, discarded: &HashSet<Uuid>) -> Vec<Violation> {
    let events = intents.iter().flat_map(|intent| intent.events.iter().map(move |e| (intent, *e)));
    let lost = events.filter(|(_, event)| !arrived.contains(event) && !discarded.contains(event));
    let lost = lost.map(|(intent, event)| Violation::Lost {
        tenant: intent.tenant.clone(),
        aggregate: intent.aggregate,
        event,
    });
    lost.collect()
}

/// Walks through the first arrivals: each must be of a committed event, and the next of its
/// aggregate.
fn first_arrivals(
    history: &History,
    aggregates: &BTreeMap<Key<'_>, Vec<&Intent>>,
) -> Vec<Violation> {
    let mut places: HashMap<Uuid, (usize, usize)> = HashMap::new();
    let mut expected: Vec<(Uuid, Vec<Uuid>)> = Vec::new();
    for ((_, aggregate), intents) in aggregates {
        let events: Vec<Uuid> = intents.iter().flat_map(|i| i.events.iter().copied()).collect();
        places.extend(events.iter().enumerate().map(|(at, event)| (*event, (expected.len(), at))));
        expected.push((*aggregate, events));
    }
    let mut violations = Vec::new();
    // What is scheduled or discarded is waited for by nothing.
    let mut seen: HashSet<Uuid> = history.discarded.iter().copied().collect();
    let scheduled = history.intents.iter().flat_map(|intent| &intent.scheduled);
    let scheduled: HashSet<Uuid> = scheduled.copied().collect();
    for delivery in &history.deliveries {
        if !seen.insert(delivery.event) {
            continue;
        }
        let Some(&(aggregate, at)) = places.get(&delivery.event) else {
            violations.push(Violation::Phantom { event: delivery.event });
            continue;
        };
        let (aggregate, events) = &expected[aggregate];
        if let Some(before) =
            events[..at].iter().find(|before| !seen.contains(before) && !scheduled.contains(before))
            && !scheduled.contains(&delivery.event)
        {
            let (aggregate, event, before) = (*aggregate, delivery.event, *before);
            violations.push(Violation::OutOfOrder { aggregate, event, before });
        }
    }
    violations
}
