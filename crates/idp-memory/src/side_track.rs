//! What one reader set aside, and the keys that are parked: the protocol of
//! [`Deliveries`](idp_application::Deliveries).

use idp_application::{AsideReason, BlockedKey, DeliveryKey, Lane, SetAside, SideEntry};
use idp_domain::{Envelope, TenantId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What one reader set aside.
#[derive(Default)]
pub(crate) struct SideTrack {
    lanes: BTreeMap<Lane, SideLane>,
    /// Each has an event that blocks it.
    pub(crate) keys: BTreeMap<DeliveryKey, Parked>,
    /// The tenants of which nothing becomes due.
    pub(crate) paused: BTreeSet<TenantId>,
}

/// The side track of one lane.
#[derive(Default)]
struct SideLane {
    /// The last number that was given.
    numbered: i64,
    /// By the number of the event in the lane.
    entries: BTreeMap<i64, Entry>,
}

/// An event that is set aside.
pub(crate) struct Entry {
    pub(crate) envelope: Envelope,
    /// When it is to be delivered. Otherwise it blocks its key.
    scheduled: Option<Timestamp>,
    /// Its number in the side track, while it is being sent.
    number: Option<i64>,
    pub(crate) is_edited: bool,
}

impl Entry {
    fn is_of(&self, key: &DeliveryKey) -> bool {
        self.envelope.aggregate_id == key.aggregate_id && self.envelope.tenant == key.tenant
    }

    pub(crate) fn is_numbered(&self) -> bool {
        self.number.is_some()
    }
}

/// A key that was parked, and is or is not parked still.
pub(crate) struct Parked {
    pub(crate) lane: Lane,
    pub(crate) is_parked: bool,
    pub(crate) attempts: u32,
    pub(crate) last_error: String,
    pub(crate) since: Timestamp,
    pub(crate) revision: i64,
}

/// What the bus said of an event of a key.
pub(crate) struct Refusal {
    pub(crate) at: Timestamp,
    pub(crate) revision: i64,
    pub(crate) error: String,
}

/// How much is set aside.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) keys_parked: u64,
    pub(crate) events_blocked: u64,
    pub(crate) events_scheduled: u64,
    /// Since when the key that is parked longest is.
    pub(crate) parked_since: Option<Timestamp>,
}

impl SideTrack {
    pub(crate) fn tally(&self) -> Tally {
        let entries = || self.lanes.values().flat_map(|lane| lane.entries.values());
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let parked = || self.keys.values().filter(|key| key.is_parked);
        Tally {
            keys_parked: count(parked().count()),
            events_blocked: count(entries().filter(|entry| entry.scheduled.is_none()).count()),
            events_scheduled: count(entries().filter(|entry| entry.scheduled.is_some()).count()),
            parked_since: parked().map(|key| key.since).min(),
        }
    }

    /// Sets an event aside. Whoever sets a refused one aside parks its key too.
    pub(crate) fn set_aside(&mut self, lane: Lane, aside: &SetAside) {
        let scheduled = match aside.reason {
            AsideReason::Scheduled(at) => Some(at),
            AsideReason::Refused(_) | AsideReason::Behind => None,
        };
        let envelope = aside.envelope.clone();
        let entry = Entry { envelope, scheduled, number: None, is_edited: false };
        self.lanes.entry(lane).or_default().entries.entry(aside.sequence).or_insert(entry);
    }

    /// How many events are set aside.
    pub(crate) fn events_aside(&self) -> u64 {
        self.lanes.values().map(|lane| u64::try_from(lane.entries.len()).unwrap_or(u64::MAX)).sum()
    }

    /// Loses all that is set aside; the numbers that were given stay given.
    pub(crate) fn forget_events(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.entries.clear());
        self.keys.clear();
    }

    /// Parks a key: nothing of it becomes due any more.
    pub(crate) fn park(&mut self, lane: Lane, key: &DeliveryKey, refusal: Refusal) {
        let Refusal { at, revision, error } = refusal;
        let parked = self.keys.entry(key.clone()).or_insert_with(|| Parked {
            lane,
            is_parked: true,
            attempts: 0,
            last_error: String::new(),
            since: at,
            revision,
        });
        parked.is_parked = true;
        parked.attempts = parked.attempts.saturating_add(1);
        parked.last_error = error;
        parked.revision = revision;
    }

    /// The keys with events that block them, and how many they are.
    pub(crate) fn blocked(&self, lane: Lane) -> Vec<BlockedKey> {
        let mut counts: BTreeMap<DeliveryKey, u32> = BTreeMap::new();
        for entry in self.entries(lane).filter(|entry| entry.scheduled.is_none()) {
            *counts.entry(DeliveryKey::of(&entry.envelope)).or_default() += 1;
        }
        let blocked = counts.into_iter().map(|(key, events)| BlockedKey { lane, key, events });
        blocked.collect()
    }

    /// The events that block a key, with their numbers in the lane.
    pub(crate) fn blocking<'t>(
        &'t self,
        key: &'t DeliveryKey,
    ) -> impl Iterator<Item = (i64, &'t Entry)> {
        let entries = self.lanes.values().flat_map(|lane| &lane.entries);
        let blocking = entries.filter(|(_, entry)| entry.scheduled.is_none() && entry.is_of(key));
        blocking.map(|(sequence, entry)| (*sequence, entry))
    }

    /// The event of that number.
    pub(crate) fn entry_mut(&mut self, lane: Lane, sequence: i64) -> Option<&mut Entry> {
        self.lanes.get_mut(&lane)?.entries.get_mut(&sequence)
    }

    /// Takes events of a key out for good.
    pub(crate) fn remove(&mut self, lane: Lane, sequences: &[i64]) {
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.entries.retain(|sequence, _| !sequences.contains(sequence));
        }
    }

    /// Takes the events out that were acknowledged. Gives their keys.
    pub(crate) fn acknowledge(&mut self, lane: Lane, through: i64) -> BTreeSet<DeliveryKey> {
        let Some(lane) = self.lanes.get_mut(&lane) else { return BTreeSet::new() };
        let is_done = |entry: &Entry| entry.number.is_some_and(|number| number <= through);
        let gone = lane.entries.values().filter(|entry| is_done(entry));
        let keys = gone.map(|entry| DeliveryKey::of(&entry.envelope)).collect();
        lane.entries.retain(|_, entry| !is_done(entry));
        keys
    }

    /// Takes the number of a refused event, and those of its key. Gives the key; `None` when no
    /// event has that number.
    pub(crate) fn refuse(&mut self, lane: Lane, number: i64) -> Option<DeliveryKey> {
        let lane = self.lanes.get_mut(&lane)?;
        let refused = lane.entries.values_mut().find(|entry| entry.number == Some(number))?;
        refused.scheduled = None;
        let key = DeliveryKey::of(&refused.envelope);
        let of_key = lane.entries.values_mut().filter(|entry| entry.is_of(&key));
        of_key.for_each(|entry| entry.number = None);
        Some(key)
    }

    /// Forgets that a key was parked if nothing blocks it any more. Returns whether nothing does.
    pub(crate) fn forget_unblocked(&mut self, key: &DeliveryKey) -> bool {
        let is_unblocked = self.blocking(key).next().is_none();
        if is_unblocked {
            self.keys.remove(key);
        }
        is_unblocked
    }

    /// Whether there is anything to send in a lane.
    pub(crate) fn is_due(&self, lane: Lane, now: Timestamp) -> bool {
        self.entries(lane).any(|entry| entry.is_numbered() || self.is_ready(entry, now))
    }

    /// Numbers what is due, behind what was given before, and gives so much of it.
    pub(crate) fn give(&mut self, lane: Lane, limit: usize, now: Timestamp) -> Vec<SideEntry> {
        let mut given: Vec<_> = self.entries(lane).filter_map(numbered).collect();
        given.sort_unstable_by_key(|entry| entry.sequence);
        given.truncate(limit);
        let mut ready = Vec::new();
        if let Some(side) = self.lanes.get(&lane) {
            let due =
                side.entries.iter().filter(|(_, e)| !e.is_numbered() && self.is_ready(e, now));
            ready.extend(due.map(|(sequence, _)| *sequence).take(limit - given.len()));
        }
        let side = self.lanes.entry(lane).or_default();
        for sequence in ready {
            side.numbered += 1;
            let entry = side.entries.get_mut(&sequence).expect("it was found there just now");
            entry.number = Some(side.numbered);
            given.extend(numbered(entry));
        }
        given
    }

    /// When the next event of a lane is due that has no number: at once if it is due already.
    pub(crate) fn next_due(&self, lane: Lane, now: Timestamp) -> Option<Timestamp> {
        let waiting = self.entries(lane).filter(|entry| !entry.is_numbered());
        let free = waiting.filter(|entry| !self.is_held_back(entry));
        free.map(|entry| entry.scheduled.unwrap_or(now).max(now)).min()
    }

    fn entries(&self, lane: Lane) -> impl Iterator<Item = &Entry> {
        self.lanes.get(&lane).into_iter().flat_map(|lane| lane.entries.values())
    }

    fn is_ready(&self, entry: &Entry, now: Timestamp) -> bool {
        entry.scheduled.is_none_or(|at| at <= now) && !self.is_held_back(entry)
    }

    fn is_held_back(&self, entry: &Entry) -> bool {
        self.paused.contains(&entry.envelope.tenant) || self.is_parked(entry)
    }

    fn is_parked(&self, entry: &Entry) -> bool {
        self.keys.get(&DeliveryKey::of(&entry.envelope)).is_some_and(|key| key.is_parked)
    }
}

fn numbered(entry: &Entry) -> Option<SideEntry> {
    Some(SideEntry { sequence: entry.number?, envelope: entry.envelope.clone() })
}
