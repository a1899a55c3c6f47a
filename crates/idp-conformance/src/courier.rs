//! A worker that sets events aside and sends them later, as relays do.

use crate::fixture::{ann_of, application, count_on, counter_id, given, stored};
use crate::follower::{Follower, LONG, by_lane, new_uuid, progress_of, whole};
use crate::sample::Counter;
use idp_application::{
    Actor, AsideReason, Backend, BlockedKey, DeadLetterAction, DeadLetterCommand, DeliveryKey, Due,
    Error, Lane, LaneRecord, ParkedKey, Reader, SetAside, Settled, Settlement, SideEntry,
};
use idp_domain::{EntityId, Envelope, Timestamp, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reader of most clauses. It has one lane, so that its events stand in one order.
pub(crate) const RELAY: &str = "relay";

/// One worker of a relay that holds leases.
pub(crate) struct Courier {
    pub(crate) store: Arc<dyn Backend>,
    pub(crate) follower: Follower,
}

impl Courier {
    /// A worker of the reader with one lane, which it holds.
    pub(crate) async fn start(store: &Arc<dyn Backend>) -> Self {
        Self::of(store, &whole(RELAY)).await
    }

    /// A worker of a reader that shares the log by lanes, with all of them.
    pub(crate) async fn of_all_lanes(store: &Arc<dyn Backend>) -> Self {
        Self::of(store, &by_lane("relay by lane")).await
    }

    /// A worker of a reader, with every lane that is free.
    pub(crate) async fn of(store: &Arc<dyn Backend>, reader: &Reader) -> Self {
        let follower = Follower::start(store, reader).await;
        Self { store: store.clone(), follower }
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.follower.reader
    }

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.follower.leases.iter().map(|lease| lease.lane).collect()
    }

    /// The next worker, which has what this one held, under new epochs. This one does not know.
    pub(crate) async fn successor(&self) -> Self {
        let mut follower = Follower::idle(&self.follower.backend, self.reader());
        follower.leases.clone_from(&self.follower.leases);
        let worker = self.follower.worker;
        let leases = &self.follower.leases;
        let released = self.store.release(self.reader(), worker, leases).await;
        released.expect("leases can be given back");
        Self::of(&self.store, self.reader()).await
    }

    /// Reads so many events, and says how far every lane is then, with those set aside that `reason`
    /// has a reason for. Nothing is recorded.
    pub(crate) async fn sort(
        &mut self,
        count: usize,
        reason: impl Fn(&Envelope) -> Option<AsideReason>,
    ) -> Vec<LaneRecord> {
        let leases = self.follower.leases.iter();
        let mut numbers: BTreeMap<_, _> = leases.map(|l| (l.lane, l.sequence)).collect();
        let mut aside: BTreeMap<Lane, Vec<SetAside>> = BTreeMap::new();
        for (lane, event) in self.follower.take(count).await {
            let number = numbers.get_mut(&lane).expect("a lane that was asked for");
            *number += 1;
            if let Some(reason) = reason(&event.envelope) {
                let one = SetAside { envelope: event.envelope, sequence: *number, reason };
                aside.entry(lane).or_default().push(one);
            }
        }
        let records = self.follower.leases.iter().map(|lease| LaneRecord {
            progress: progress_of(lease),
            aside: aside.remove(&lease.lane).unwrap_or_default(),
        });
        records.collect()
    }

    /// Records; returns the lanes that it holds still.
    pub(crate) async fn record(&self, records: &[LaneRecord]) -> Vec<Lane> {
        let held = self.store.record(self.reader(), records, LONG).await;
        held.expect("progress can be recorded")
    }

    /// Reads so many events, sets aside those with a reason, and records that. The reasons are by
    /// the [labels](label) of the events; returns what was recorded.
    pub(crate) async fn set_aside(
        &mut self,
        count: usize,
        reasons: &[(&str, AsideReason)],
    ) -> Vec<LaneRecord> {
        let reason = |event: &Envelope| {
            let label = label(event);
            reasons.iter().find(|(of, _)| *of == label).map(|(_, reason)| reason.clone())
        };
        let records = self.sort(count, reason).await;
        let mut held = self.record(&records).await;
        held.sort_unstable();
        assert_eq!(held, self.lanes(), "it holds its lanes still");
        records
    }

    /// What is due, at most so much.
    pub(crate) async fn due(&self, limit: u32) -> Due {
        let due = self.store.due(self.reader(), &self.follower.leases, limit).await;
        due.expect("what is due can be asked for")
    }

    /// The numbers and [labels](label) of all that is due on the one lane.
    pub(crate) async fn due_labels(&self) -> Vec<(i64, String)> {
        let due = self.due(100).await;
        assert!(due.batches.len() <= 1, "one lane has one batch: {due:?}");
        due.batches.iter().flat_map(|batch| &batch.entries).map(numbered_label).collect()
    }

    /// Settles on the one lane; returns the keys that nothing blocks any more, by their numbers.
    pub(crate) async fn settle(&self, through: i64, refused: Option<(i64, &str)>) -> Vec<u128> {
        match self.try_settle(through, refused).await.expect("it can be settled") {
            Settled::Done { unblocked } => {
                let mut keys: Vec<_> = unblocked.iter().map(number_of).collect();
                keys.sort_unstable();
                keys
            }
            Settled::Fenced => panic!("the worker holds its lane"),
        }
    }

    /// The same, whatever comes of it.
    pub(crate) async fn try_settle(
        &self,
        through: i64,
        refused: Option<(i64, &str)>,
    ) -> Result<Settled, Error> {
        let lease = self.follower.leases[0];
        let refused = refused.map(|(number, error)| (number, error.to_owned()));
        let settlement = Settlement { lane: lease.lane, epoch: lease.epoch, through, refused };
        self.store.settle(self.reader(), &settlement).await
    }

    /// The blocked keys of all its lanes, with how many events each has set aside.
    pub(crate) async fn blocked_keys(&self) -> Vec<BlockedKey> {
        let blocked = self.store.blocked(self.reader(), &self.lanes()).await;
        let mut blocked = blocked.expect("the blocked keys can be read");
        blocked.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        blocked
    }

    /// The same, by the numbers of the keys.
    pub(crate) async fn blocked(&self) -> Vec<(u128, u32)> {
        let keys = self.blocked_keys().await;
        keys.iter().map(|blocked| (number_of(&blocked.key), blocked.events)).collect()
    }

    /// The parked keys of its reader.
    pub(crate) async fn parked(&self) -> Vec<ParkedKey> {
        let parked = self.store.parked(&self.reader().name, None, None, 100).await;
        parked.expect("the parked keys can be listed")
    }

    /// The one parked key of its reader.
    pub(crate) async fn the_parked(&self) -> ParkedKey {
        let mut parked = self.parked().await;
        assert_eq!(parked.len(), 1, "{parked:#?}");
        parked.remove(0)
    }

    /// The labels of the events that block a key, and whether they are being sent.
    pub(crate) async fn events(&self, number: u128) -> Vec<(String, bool)> {
        let events = self.store.events(&self.reader().name, &key("acme", number)).await;
        let events = events.expect("the events can be listed");
        events.iter().map(|event| (label(&event.envelope), event.is_numbered)).collect()
    }

    /// Does something about a key, at its present revision.
    pub(crate) async fn command(
        &self,
        number: u128,
        action: DeadLetterAction,
    ) -> Result<(), Error> {
        let key = key("acme", number);
        let parked = self.parked().await.into_iter().find(|parked| parked.key == key);
        let revision = parked.map_or(0, |parked| parked.revision);
        self.store.command(&self.reader().name, &command(key, revision, action)).await
    }

    /// Has a key sent.
    pub(crate) async fn resume(&self, number: u128) {
        self.command(number, DeadLetterAction::Resume).await.expect("a parked key can be resumed");
    }

    /// The identity of an event that blocks a key.
    pub(crate) async fn event(&self, number: u128, label_of_it: &str) -> Uuid {
        let events = self.store.events(&self.reader().name, &key("acme", number)).await;
        let events = events.expect("the events can be listed");
        let found = events.iter().find(|event| label(&event.envelope) == label_of_it);
        found.expect("the event is there").envelope.event_id
    }
}

/// A command of Ann.
pub(crate) fn command(
    key: DeliveryKey,
    revision: i64,
    action: DeadLetterAction,
) -> DeadLetterCommand {
    let reason = format!("because of {}", action.code());
    DeadLetterCommand { actor: Actor::new("ann"), key, revision, action, reason }
}

/// The key of a counter of a tenant.
pub(crate) fn key(tenant: &str, number: u128) -> DeliveryKey {
    let tenant = crate::fixture::tenant(tenant);
    DeliveryKey { tenant, aggregate_id: counter_id(number).uuid() }
}

/// The number of the counter of a key.
pub(crate) fn number_of(key: &DeliveryKey) -> u128 {
    key.aggregate_id.as_u128()
}

/// Whether a key is blocked.
pub(crate) fn is_among(blocked: &[BlockedKey], key: &DeliveryKey) -> bool {
    blocked.iter().any(|blocked| blocked.key == *key)
}

/// A short name for the event of a counter: its number, and how far it counted.
pub(crate) fn label(event: &Envelope) -> String {
    format!("{}:{}", event.aggregate_id.as_u128(), event.aggregate_version - 1)
}

fn numbered_label(entry: &SideEntry) -> (i64, String) {
    (entry.sequence, label(&entry.envelope))
}

/// The bus refused it.
pub(crate) fn refused(error: &str) -> AsideReason {
    AsideReason::Refused(error.to_owned())
}

/// Owned labels with numbers, for comparisons.
pub(crate) fn labels(of: &[(i64, &str)]) -> Vec<(i64, String)> {
    of.iter().map(|(number, label)| (*number, (*label).to_owned())).collect()
}

/// Counts on, each of these counters of acme once, in this order; they are made where they are
/// missing.
pub(crate) async fn count(store: &Arc<dyn Backend>, numbers: &[u128]) {
    count_for(store, "acme", numbers).await;
}

/// The same for another tenant.
pub(crate) async fn count_for(store: &Arc<dyn Backend>, tenant: &str, numbers: &[u128]) {
    let (app, context) = (application(store), ann_of(tenant));
    for number in numbers {
        let id = counter_id(*number);
        if stored::<Counter>(&app, &context, id).await.is_none() {
            given(&app, &context, |unit| unit.add(Counter::new(id))).await;
        }
        count_on(&app, &context, id).await;
    }
}

/// What the clock of the store shows, as a key that is parked now says. The log must not be empty.
pub(crate) async fn store_time(store: &Arc<dyn Backend>) -> Timestamp {
    let reader = whole(&format!("clock {}", new_uuid()));
    let mut courier = Courier::of(store, &reader).await;
    let records = courier.sort(1, |_| Some(refused("to see the time"))).await;
    assert_eq!(courier.record(&records).await, [Lane::WHOLE]);
    courier.the_parked().await.since
}
