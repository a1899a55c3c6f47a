//! Workers and operators at the same keys, at the same time.

use crate::Harness;
use crate::chance::Chance;
use crate::clauses::clauses;
use crate::courier::{Courier, command, count, is_among, refused};
use crate::eventually::eventually;
use idp_application::{
    AsideReason, Backend, DeadLetterAction, DeliveryKey, ErrorKind, Settled, Settlement, SideBatch,
};
use idp_domain::{Envelope, Uuid};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

clauses! {
    macro deliveries_concurrency of deliveries::concurrency;
    workers_and_operators_at_once_neither_fail_nor_lose_anything,
}

/// How many events the operators meet.
const EVENTS: usize = 120;

/// How many operators there are.
const OPERATORS: u64 = 3;

/// Nobody waits for somebody who waits for them.
pub async fn workers_and_operators_at_once_neither_fail_nor_lose_anything<H: Harness>(harness: H) {
    let store = harness.backend();
    let numbers: Vec<u128> = (1..=6).cycle().take(EVENTS).collect();
    count(&store, &numbers).await;
    let courier = Courier::of_all_lanes(&store).await;
    let reader = courier.reader().name.clone();
    let mut worker = Busy { courier, chance: Chance::seeded(9), read: 0, sent: BTreeSet::new() };
    let mut discarded = BTreeSet::new();
    let mut seed = 0;
    eventually("everything to be sent or discarded", async || {
        let operators: Vec<_> = (0..OPERATORS)
            .map(|_| {
                seed += 1;
                let (store, reader) = (store.clone(), reader.clone());
                tokio::spawn(operate_on_all(store, reader, Chance::seeded(seed)))
            })
            .collect();
        worker.round().await;
        for operator in operators {
            discarded.extend(operator.await.expect("no operator panics"));
        }
        let is_clear = worker.read == EVENTS && worker.courier.blocked_keys().await.is_empty();
        is_clear.then_some(())
    })
    .await;
    assert!(worker.sent.is_disjoint(&discarded), "sent and discarded");
    assert_eq!(worker.sent.len() + discarded.len(), EVENTS);
}

/// A worker beside operators.
struct Busy {
    courier: Courier,
    chance: Chance,
    read: usize,
    sent: BTreeSet<Uuid>,
}

impl Busy {
    async fn round(&mut self) {
        if self.read < EVENTS {
            self.take().await;
        }
        let due = self.courier.due(10).await;
        for batch in &due.batches {
            self.send(batch).await;
        }
    }

    async fn take(&mut self) {
        let blocked = self.courier.blocked_keys().await;
        let refuses = self.chance.below(2) == 0;
        let mut passed = Mutex::new(Vec::new());
        let reason = |event: &Envelope| match is_among(&blocked, &DeliveryKey::of(event)) {
            true => Some(AsideReason::Behind),
            false if refuses => Some(refused("no")),
            false => {
                passed.lock().expect("nobody panics here").push(event.event_id);
                None
            }
        };
        let records = self.courier.sort(5, reason).await;
        self.read += 5;
        self.sent.extend(passed.get_mut().expect("nobody panics here").drain(..));
        assert_eq!(self.courier.record(&records).await.len(), records.len());
    }

    async fn send(&mut self, batch: &SideBatch) {
        let last = batch.entries.last().expect("no batch is empty").sequence;
        let mut leases = self.courier.follower.leases.iter();
        let epoch = leases.find(|lease| lease.lane == batch.lane).expect("its lane").epoch;
        let refused = (self.chance.below(3) == 0).then(|| (last, "no".to_owned()));
        let through = last - i64::from(refused.is_some());
        let settlement = Settlement { lane: batch.lane, epoch, through, refused };
        let settled = self.courier.store.settle(self.courier.reader(), &settlement).await;
        assert_ne!(settled.expect("it can be settled"), Settled::Fenced);
        for entry in batch.entries.iter().filter(|entry| entry.sequence <= through) {
            assert!(self.sent.insert(entry.envelope.event_id), "sent twice: {entry:?}");
        }
    }
}

/// Gives a command about whatever is parked; returns what it discarded.
async fn operate_on_all(
    store: Arc<dyn Backend>,
    reader: String,
    mut chance: Chance,
) -> BTreeSet<Uuid> {
    let mut discarded = BTreeSet::new();
    for parked in store.parked(&reader, None, None, 100).await.expect("listed") {
        let events = store.events(&reader, &parked.key).await.expect("listed");
        let Some(first) = events.first().map(|event| event.envelope.event_id) else { continue };
        let discard = DeadLetterAction::Discard { event: first };
        let action = match chance.below(8) {
            0 => discard.clone(),
            1 => DeadLetterAction::Edit { event: first, payload: "0".into() },
            _ => DeadLetterAction::Resume,
        };
        let given = command(parked.key, parked.revision, action.clone());
        match store.command(&reader, &given).await {
            Ok(()) if action == discard => drop(discarded.insert(first)),
            Ok(()) => {}
            Err(error) => {
                let kinds = [ErrorKind::Conflict, ErrorKind::NotFound];
                assert!(kinds.contains(&error.kind()), "{error} ({error:?})");
            }
        }
    }
    discarded
}
