//! Holds the record of a run against the guarantees.

mod broker;
mod clocks;
mod delay;
mod durability;
mod parking;
mod recovery;
mod stops;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod sabotage;

use crate::bus::Bus;
use crate::journal::{Journal, Line};
use crate::place::{BATCH_SIZE, Target};
use crate::stored::Found;
use idp_domain::Uuid;
use idp_testkit::{Entry, History, Intent, Outcome, Violation};
use std::collections::HashMap;
use std::fmt;

/// A promise that was broken, by the letter of `docs/guarantees.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Which promise.
    pub(crate) promise: &'static str,
    /// How.
    pub(crate) text: String,
}

impl Finding {
    fn new(promise: &'static str, text: impl Into<String>) -> Self {
        Self { promise, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.text)
    }
}

/// All that was recorded.
pub(crate) struct Record {
    /// The bus that it is about.
    pub(crate) bus: Bus,
    /// Intents, marks, faults, and what arrived at the plain bus.
    pub(crate) plain: Journal,
    /// What arrived at the picky bus, and what an operator did about it.
    pub(crate) picky: Journal,
    /// What the bus says of itself, who used it, and what it left open.
    pub(crate) broker: Journal,
    /// What the broker has.
    pub(crate) found: Vec<Found>,
    /// The log in the end: each event and its aggregate.
    pub(crate) log: HashMap<Uuid, Uuid>,
}

/// Everything that breaks a promise; empty when all are kept.
pub(crate) fn check(record: &Record) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in Target::ALL {
        let violations = idp_testkit::check(&history(record, target));
        let name = target.name();
        let finding = |violation: &Violation| {
            Finding::new(promise(violation), format!("{name}: {violation}"))
        };
        findings.extend(violations.iter().map(finding));
    }
    findings.extend(broker::check(&record.broker.lines, &record.found));
    findings.extend(durability::check(&record.plain.lines, &record.log));
    findings.extend(parking::check(&record.picky.lines, &record.log));
    findings.extend(delay::check(&record.plain.lines));
    findings.extend(recovery::check(&record.plain.lines));
    findings.extend(stops::check(&record.plain.lines));
    findings.extend(clocks::check(&record.plain.lines));
    findings
}

/// The letter of what it breaks.
fn promise(violation: &Violation) -> &'static str {
    match violation {
        Violation::Lost { .. } => "a",
        Violation::Phantom { .. } => "b",
        Violation::OutOfOrder { .. } => "c",
        Violation::LostUpdate { .. } => "g",
        Violation::Misnumbered { .. } => "numbers",
        _ => "d",
    }
}

/// The history of one target. What the log has was committed, whatever its writer got to know.
fn history(record: &Record, target: Target) -> History {
    let mut history = History::new(BATCH_SIZE);
    // What is parked comes later, under another number.
    history.has_gaps = target == Target::Picky
        || (target == Target::Broker && record.bus.orders_aggregates_only());
    let is_plain = target == Target::Plain;
    for entry in entries(&record.plain.lines) {
        match entry {
            Entry::Delivery(_) if !is_plain => {}
            // Deliveries to the others are recorded apart.
            Entry::Fault(fault) if !is_plain => history.faults.push((*fault).into()),
            entry => history.push(entry.clone()),
        }
    }
    match target {
        Target::Plain => {}
        Target::Picky => entries(&record.picky.lines).for_each(|entry| history.push(entry.clone())),
        Target::Broker => broker::add(&mut history, &record.broker.lines, &record.found),
    }
    let unknown = history.intents.iter().filter(|intent| intent.outcome == Outcome::Unknown);
    let settled: Vec<Intent> = unknown.map(|intent| settled(intent, &record.log)).collect();
    history.intents.extend(settled);
    history
}

fn settled(intent: &Intent, log: &HashMap<Uuid, Uuid>) -> Intent {
    let is_there = intent.events.iter().any(|event| log.contains_key(event));
    let outcome = if is_there { Outcome::Committed } else { Outcome::RolledBack };
    Intent { outcome, ..intent.clone() }
}

fn entries(lines: &[Line]) -> impl Iterator<Item = &Entry> {
    lines.iter().filter_map(|line| match line {
        Line::Entry(entry) => Some(entry),
        Line::Mark { .. } => None,
    })
}
