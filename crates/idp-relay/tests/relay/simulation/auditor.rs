//! Judges what purges drop and what readers are told, by a copy of the log and by what the readers
//! themselves have recorded: a store that is wrong about either does not convince it.

use super::log_copy::{Copied, LogCopy};
use super::passed::Passed;
use idp_application::{HoldFrom, KeepingAction, OutboxLog, PurgeBlock, PurgePolicy, PurgeReport};
use idp_domain::Timestamp;
use idp_memory::MemoryStore;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) struct Auditor {
    store: Arc<MemoryStore>,
    known: Mutex<Known>,
}

/// What is known of the log and of who reads it.
pub(crate) struct Known {
    pub(super) copy: LogCopy,
    /// How many events purges have dropped, as they say.
    pub(crate) dropped: usize,
    pub(super) readers: BTreeMap<String, Passed>,
    /// The holds, and how many events may be dropped for all they keep.
    holds: BTreeMap<String, usize>,
    pub(crate) faults: Vec<String>,
    pub(crate) seen: Seen,
}

/// What happened of what a test of purges is about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    /// How often a zombie was told that what it asks for is gone.
    pub(crate) told_gone: usize,
    /// How many events had been dropped before readers began.
    pub(crate) missed: usize,
    /// How many purges a reader, or a hold, kept from dropping more.
    pub(crate) held_by_target: usize,
    pub(crate) held_by_other: usize,
    pub(crate) held_by_hold: usize,
}

impl Auditor {
    pub(crate) fn new(store: Arc<MemoryStore>, copy: LogCopy) -> Self {
        let known = Known {
            copy,
            dropped: 0,
            readers: BTreeMap::new(),
            holds: BTreeMap::new(),
            faults: Vec::new(),
            seen: Seen::default(),
        };
        Self { store, known: Mutex::new(known) }
    }

    /// What is known, up to the present. The store answers without a pause, so nothing comes between.
    pub(crate) async fn known(&self) -> MutexGuard<'_, Known> {
        let end = self.now().copy.end();
        let news = self.store.read(&[end], u32::MAX).await;
        let mut known = self.now();
        match news {
            Ok(news) => known.copy.extend(news),
            Err(error) => known.fault(format!("what nobody has seen is gone: {error}")),
        }
        known
    }

    /// What was known when it was last asked for.
    pub(crate) fn now(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no judgement panics")
    }
}

impl Known {
    pub(crate) fn fault(&mut self, fault: String) {
        if self.faults.len() < 200 {
            self.faults.push(fault);
        }
    }

    /// How many events there ever were.
    pub(crate) fn committed(&self) -> usize {
        self.copy.events().len()
    }

    /// A purge under that policy dropped something, or nothing.
    pub(crate) fn purged(&mut self, policy: &PurgePolicy, report: &PurgeReport, now: Timestamp) {
        match &report.blocked_by {
            Some(PurgeBlock::Reader(by)) if by.reader == "bus" => self.seen.held_by_target += 1,
            Some(PurgeBlock::Reader(_)) => self.seen.held_by_other += 1,
            Some(PurgeBlock::Hold(_)) => self.seen.held_by_hold += 1,
            _ => {}
        }
        let (before, more) = (self.dropped, usize::try_from(report.events_dropped).expect("few"));
        self.dropped += more;
        if more == 0 {
            return;
        }
        let Some(gone) = self.copy.events().get(before..self.dropped) else {
            return self.fault("more was purged than ever was there".into());
        };
        let mut faults = unread(gone, &self.readers);
        faults.extend(self.kept(policy, gone, now));
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    /// What of those that were purged was to be kept, whoever has read it.
    fn kept(&self, policy: &PurgePolicy, gone: &[Copied], now: Timestamp) -> Vec<String> {
        let mut faults = Vec::new();
        let held = self.holds.iter().filter(|(_, from)| self.dropped > **from);
        faults.extend(held.map(|(name, _)| format!("the hold {name} was purged")));
        let left = self.committed() - self.dropped;
        if u64::try_from(left).expect("few") < policy.keep_events {
            faults.push(format!("{left} events were left, not {}", policy.keep_events));
        }
        if u64::try_from(gone.len()).expect("few") > policy.events_max {
            faults.push(format!("{} were purged, not {}", gone.len(), policy.events_max));
        }
        let age_min = i64::try_from(policy.keep_for.as_micros()).expect("not long");
        let is_young = |event: &&Copied| {
            now.unix_micros() - event.envelope.occurred_at.unix_micros() < age_min
        };
        faults.extend(gone.iter().find(is_young).map(|e| format!("{} was too young", told(e))));
        faults
    }

    /// An operator had a hold set or released.
    pub(crate) fn held(&mut self, action: &KeepingAction) {
        match action {
            KeepingAction::Hold { name, from: HoldFrom::Oldest } => {
                self.holds.insert(name.clone(), self.dropped);
            }
            KeepingAction::Hold { name, from: HoldFrom::Newest } => {
                self.holds.insert(name.clone(), self.committed());
            }
            KeepingAction::Release { name } => drop(self.holds.remove(name)),
            KeepingAction::Forget { reader, .. } => self.fault(format!("{reader} was forgotten")),
        }
    }
}

/// What was purged before a reader had passed it.
fn unread(gone: &[Copied], readers: &BTreeMap<String, Passed>) -> Vec<String> {
    if readers.is_empty() {
        return vec!["something was purged though nobody reads".into()];
    }
    let needed = |(name, passed): (&String, &Passed)| {
        let event = gone.iter().find(|event| !passed.has(event))?;
        Some(format!("{} was purged, and {name} has not passed it", told(event)))
    };
    readers.iter().filter_map(needed).collect()
}

pub(super) fn told(event: &Copied) -> String {
    let Copied { lane, number_in_lane, number, .. } = event;
    format!("number {number_in_lane} of {lane:?} ({number} in all)")
}
