//! Long histories of workers and operators, drawn by chance: in the end each event was sent once or
//! discarded, in order.

use crate::Harness;
use crate::chance::Chance;
use crate::clauses::clauses;
use crate::courier::{Courier, command, count, is_among, refused, store_time};
use crate::eventually::eventually;
use idp_application::{
    AsideReason, DeadLetterAction, DeliveryKey, ErrorKind, ParkedKey, Settled, Settlement,
    SideBatch,
};
use idp_domain::{Envelope, Timestamp, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

clauses! {
    macro deliveries_histories of deliveries::histories;
    each_event_is_sent_once_or_discarded_in_the_order_of_its_key,
}

const COUNTERS: u64 = 5;
const STEPS: u32 = 300;

/// What a careful worker and careless operators did.
#[derive(Default)]
struct History {
    /// The events that were sent, in order.
    sent: Vec<Envelope>,
    discarded: BTreeSet<Uuid>,
    /// Those that were to be delivered later: they are in no order with the others.
    scheduled: BTreeSet<Uuid>,
    /// Which event each number was given to, by lane.
    numbers: BTreeMap<(i16, i64), Uuid>,
    /// What was given and not settled, by lane.
    unsettled: BTreeMap<i16, Vec<(i64, Uuid)>>,
    /// The key of each event that was given.
    keys: BTreeMap<Uuid, DeliveryKey>,
    committed: usize,
}

impl History {
    /// What is given must be what is unsettled, and then new numbers.
    fn given(&mut self, batch: &SideBatch) {
        let lane = batch.lane.number();
        let entries = batch.entries.iter().map(|entry| (entry.sequence, entry.envelope.event_id));
        let given: Vec<_> = entries.collect();
        let unsettled = self.unsettled.entry(lane).or_default();
        let again = unsettled.len().min(given.len());
        assert_eq!(given[..again], unsettled[..again], "what was given before comes first");
        for (number, event) in &given[again..] {
            let last = self.numbers.range((lane, 0)..=(lane, i64::MAX)).next_back();
            let last = last.map_or(0, |((_, number), _)| *number);
            assert!(*number > last, "{number} after {last}");
            self.numbers.insert((lane, *number), *event);
            unsettled.push((*number, *event));
        }
        let entries = batch.entries.iter();
        let keys = entries.map(|e| (e.envelope.event_id, DeliveryKey::of(&e.envelope)));
        self.keys.extend(keys);
    }

    /// Fails unless every event was sent once or discarded, each key in its order.
    fn check(&self) {
        let mut seen = self.discarded.clone();
        let mut last: BTreeMap<DeliveryKey, i64> = BTreeMap::new();
        for event in &self.sent {
            assert!(
                seen.insert(event.event_id),
                "sent twice, or after it was discarded: {event:?}"
            );
            if self.scheduled.contains(&event.event_id) {
                continue;
            }
            let before = last.insert(DeliveryKey::of(event), event.aggregate_version);
            assert!(before < Some(event.aggregate_version), "after {before:?}: {event:?}");
        }
        assert_eq!(seen.len(), self.committed, "lost");
    }
}

/// One worker that knows nothing but what the store tells it, and one operator.
struct Play {
    courier: Courier,
    chance: Chance,
    history: History,
    soon: Timestamp,
}

impl Play {
    async fn step(&mut self) {
        match self.chance.below(10) {
            0 | 1 => self.commit().await,
            2 | 3 => self.take().await,
            4..=6 => self.send_what_is_due(true).await,
            7 | 8 => self.operate().await,
            _ => {
                self.courier = self.courier.successor().await;
            }
        }
    }

    async fn commit(&mut self) {
        let number = u128::from(self.chance.below(COUNTERS)) + 1;
        count(&self.courier.store.clone(), &[number]).await;
        self.history.committed += 1;
    }

    /// Reads one event more, and sends it unless it must not or the bus does not want it.
    async fn take(&mut self) {
        let blocked = self.courier.blocked_keys().await;
        let read: i64 = self.courier.follower.leases.iter().map(|lease| lease.sequence).sum();
        if usize::try_from(read).expect("few events") == self.history.committed {
            return;
        }
        let fate = self.chance.below(10);
        let soon = self.soon;
        let is_blocked = |event: &Envelope| is_among(&blocked, &DeliveryKey::of(event));
        let reason = |event: &Envelope| match fate {
            _ if is_blocked(event) => Some(AsideReason::Behind),
            0..=2 => Some(refused("no")),
            3 => Some(AsideReason::Scheduled(Timestamp::UNIX_EPOCH)),
            4 => Some(AsideReason::Scheduled(soon)),
            _ => None,
        };
        let sent = Mutex::new(Vec::new());
        let records = self
            .courier
            .sort(1, |event| {
                let reason = reason(event);
                if reason.is_none() {
                    sent.lock().expect("nobody panics here").push(event.clone());
                }
                reason
            })
            .await;
        let asides = records.iter().flat_map(|record| &record.aside);
        let scheduled = asides.filter(|aside| matches!(aside.reason, AsideReason::Scheduled(_)));
        self.history.scheduled.extend(scheduled.map(|aside| aside.envelope.event_id));
        self.history.sent.extend(sent.into_inner().expect("nobody panics here"));
        assert_eq!(self.courier.record(&records).await.len(), records.len());
    }

    /// Sends some of what is due, of which the bus may refuse one, and settles unless it dies first.
    async fn send_what_is_due(&mut self, may_fail: bool) {
        let limit = u32::try_from(self.chance.below(4)).expect("small") + 1;
        for batch in self.courier.due(limit).await.batches {
            self.history.given(&batch);
            if may_fail && self.chance.below(4) == 0 {
                continue;
            }
            let count = batch.entries.len();
            let accepted = match may_fail {
                true => self.chance.place(count + 1),
                false => count,
            };
            let refused = batch.entries.get(accepted).filter(|_| self.chance.below(2) == 0);
            let refused = refused.map(|entry| (entry.sequence, "no".to_owned()));
            self.settle(&batch, accepted, refused).await;
        }
    }

    async fn settle(&mut self, batch: &SideBatch, accepted: usize, refused: Option<(i64, String)>) {
        let lease = self.courier.follower.leases.iter().find(|lease| lease.lane == batch.lane);
        let epoch = lease.expect("it was given for a lane that it holds").epoch;
        let acknowledged = &batch.entries[..accepted];
        let through = acknowledged.last().map_or(0, |entry| entry.sequence);
        let refused_key =
            refused.as_ref().map(|_| DeliveryKey::of(&batch.entries[accepted].envelope));
        let settlement = Settlement { lane: batch.lane, epoch, through, refused };
        let settled = self.courier.store.settle(self.courier.reader(), &settlement).await;
        let Settled::Done { unblocked } = settled.expect("it can be settled") else {
            panic!("the worker holds its lane")
        };
        let blocked = self.courier.blocked_keys().await;
        let keys = acknowledged.iter().map(|entry| DeliveryKey::of(&entry.envelope));
        let expected: BTreeSet<_> = keys.filter(|key| !is_among(&blocked, key)).collect();
        assert_eq!(unblocked.into_iter().collect::<BTreeSet<_>>(), expected);

        self.history.sent.extend(acknowledged.iter().map(|entry| entry.envelope.clone()));
        let unsettled = self.history.unsettled.entry(batch.lane.number()).or_default();
        unsettled.retain(|(number, _)| *number > through);
        if let Some(key) = refused_key {
            unsettled.retain(|(_, event)| self.history.keys[event] != key);
        }
    }

    /// Does something about some parked key; what cannot be done is refused.
    async fn operate(&mut self) {
        let parked = self.courier.parked().await;
        if parked.is_empty() {
            return;
        }
        let ParkedKey { key, revision, .. } = parked[self.chance.place(parked.len())].clone();
        let reader = self.courier.reader().name.clone();
        let events = self.courier.store.events(&reader, &key).await.expect("listed");
        let event = events[self.chance.place(events.len())].envelope.event_id;
        let action = match self.chance.below(6) {
            0 => DeadLetterAction::Edit { event, payload: "0".into() },
            1 => DeadLetterAction::Discard { event },
            2 if self.chance.below(3) == 0 => DeadLetterAction::DiscardKey,
            _ => DeadLetterAction::Resume,
        };
        let discarded: Vec<Uuid> = match action {
            DeadLetterAction::Discard { event } => vec![event],
            DeadLetterAction::DiscardKey => {
                events.iter().map(|event| event.envelope.event_id).collect()
            }
            _ => Vec::new(),
        };
        let given = command(key, revision, action);
        match self.courier.store.command(&reader, &given).await {
            Ok(()) => self.history.discarded.extend(discarded),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }

    /// Resumes and sends until nothing is left.
    async fn finish<H: Harness>(&mut self, harness: &H) {
        let hour = Duration::from_secs(3_600);
        harness.advance_lease_clock(hour);
        self.courier = self.courier.successor().await;
        eventually("everything to be sent", async || {
            let read: i64 = self.courier.follower.leases.iter().map(|lease| lease.sequence).sum();
            if usize::try_from(read).expect("few events") < self.history.committed {
                self.take().await;
                return None;
            }
            for parked in self.courier.parked().await.iter().filter(|parked| parked.is_parked) {
                let resume = command(parked.key.clone(), parked.revision, DeadLetterAction::Resume);
                let reader = &self.courier.reader().name;
                self.courier.store.command(reader, &resume).await.expect("nobody else does");
            }
            self.send_what_is_due(false).await;
            let due = self.courier.due(1).await;
            let is_over = due.batches.is_empty() && due.next.is_none();
            (is_over && self.courier.parked().await.is_empty()).then_some(())
        })
        .await;
        assert_eq!(self.courier.blocked_keys().await, []);
    }
}

/// Whatever is refused, scheduled, given up, resumed, edited and discarded meanwhile, by one owner
/// after another.
pub async fn each_event_is_sent_once_or_discarded_in_the_order_of_its_key<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1]).await;
    let half_a_second = 500_000;
    let now = store_time(&store).await;
    let soon = Timestamp::from_unix_micros(now.unix_micros() + half_a_second);
    for (seed, by_lane) in [(1, false), (2, true)] {
        let courier = match by_lane {
            true => Courier::of_all_lanes(&store).await,
            false => Courier::start(&store).await,
        };
        let whole_log = crate::follower::whole_log(&courier.follower.backend).await;
        let history = History { committed: whole_log.len(), ..History::default() };
        let mut play = Play { courier, chance: Chance::seeded(seed), history, soon };
        for _ in 0..STEPS {
            play.step().await;
        }
        play.finish(&harness).await;
        play.history.check();
        assert!(!play.history.discarded.is_empty() && !play.history.scheduled.is_empty());
    }
}
