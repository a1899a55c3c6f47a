//! Nothing is lost and nothing is reordered while many write and some are slow.

use super::reading::{by_lanes, check_order, ids};
use crate::Harness;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::fixture::{
    ann, application, count_on, counter_id, given_counter, patient_application, tenant,
};
use crate::follower::{Follower, LONG, by_lane, whole};
use crate::harness::skip;
use crate::sample::{Counter, CounterEvent};
use idp_application::{ChangeSet, Lane, LoggedEvent, NewEvent, RowWrite, WriteKind};
use idp_domain::{
    ContentHasher, DomainEvent, EntityId, Envelope, EventRecord, Record, Timestamp, Uuid, Value,
    canonical_json,
};
use std::collections::BTreeMap;

clauses! {
    macro outbox_concurrency of outbox::concurrency;
    concurrent_writers_lose_nothing_and_keep_the_order,
    the_numbering_is_the_same_for_every_reader,
    a_late_committer_is_neither_lost_nor_reordered,
    a_slow_commit_delays_only_its_own_events,
}

const TASKS: usize = 8;
const COMMITS: usize = 50;
const COUNTERS: usize = 5;
const EVENTS: usize = TASKS * COMMITS;

/// Eight tasks in two processes, fifty commits each, on five counters. Returns when all are through.
async fn write<H: Harness>(harness: &H) {
    let processes = [harness.backend(), harness.second_process().await];
    for number in 0..COUNTERS {
        given_counter(&application(&processes[0]), &ann(), number as u128).await;
    }
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let app = patient_application(&processes[task % 2]);
            tokio::spawn(async move {
                for commit in 0..COMMITS {
                    let number = (task + commit) % COUNTERS;
                    count_on(&app, &ann(), counter_id(number as u128)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every commit gets through");
    }
}

/// Reads, each worker in turn, until they have everything together.
async fn read_all(mut workers: Vec<Follower>, limit: u32) -> Vec<(Lane, LoggedEvent)> {
    let mut events = Vec::new();
    eventually("every event", async || {
        for worker in &mut workers {
            events.extend(worker.read(limit).await);
        }
        (events.len() >= EVENTS).then_some(())
    })
    .await;
    events
}

/// Two workers that share the lanes, each in a process of its own.
async fn two_workers<H: Harness>(harness: &H, name: &str) -> Vec<Follower> {
    let reader = by_lane(name);
    let mut first = Follower::idle(&harness.backend(), &reader);
    let (_, lanes) = first.join(LONG).await;
    first.claim(lanes / 2, LONG).await;
    let second = Follower::start(&harness.second_process().await, &reader).await;
    vec![first, second]
}

/// Readers by lane and of the whole, while the writers are at it.
pub async fn concurrent_writers_lose_nothing_and_keep_the_order<H: Harness>(harness: H) {
    let lanes = two_workers(&harness, "relay").await;
    let all = vec![Follower::start(&harness.backend(), &whole("projector")).await];
    let (lanes, all, ()) = tokio::join!(read_all(lanes, 7), read_all(all, 10), write(&harness));
    for events in [lanes, all] {
        assert_eq!(events.len(), EVENTS);
        check_order(&events);
        let last = events.iter().map(|(_, event)| event.envelope.aggregate_version).max();
        assert_eq!(last, Some(1 + i64::try_from(EVENTS / COUNTERS).expect("few")));
    }
}

/// The dense number of each event in its lane.
fn numbers(events: &[(Lane, LoggedEvent)]) -> BTreeMap<Uuid, (Lane, usize)> {
    let lanes = by_lanes(events);
    let numbered = lanes.iter().flat_map(|(lane, ids)| {
        ids.iter().zip(1..).map(move |(id, number)| (*id, (*lane, number)))
    });
    numbered.collect()
}

/// Whether it reads along or reads later.
pub async fn the_numbering_is_the_same_for_every_reader<H: Harness>(harness: H) {
    let lanes = two_workers(&harness, "along").await;
    let all = vec![Follower::start(&harness.backend(), &whole("whole along")).await];
    let (lanes, all, ()) = tokio::join!(read_all(lanes, 3), read_all(all, 3), write(&harness));
    let later = read_all(two_workers(&harness, "later").await, 100).await;
    assert_eq!(numbers(&lanes), numbers(&later));
    let later = vec![Follower::start(&harness.backend(), &whole("whole later")).await];
    assert_eq!(ids(&all), ids(&read_all(later, 100).await));
}

/// A new counter of that number with one event.
fn new_counter(number: u128) -> ChangeSet {
    let key = counter_id(number).uuid();
    let event = CounterEvent::Observed;
    let schema = event.schema();
    let record = EventRecord {
        event_id: Uuid::from_u128(number),
        occurred_at: Timestamp::UNIX_EPOCH,
        tenant: tenant("acme"),
        aggregate_type: Counter::SCHEMA.name.into(),
        aggregate_id: key,
        aggregate_version: 1,
        event_type: schema.name.into(),
        schema_id: schema.schema_id.into(),
        schema_version: schema.version,
        payload: canonical_json(&event.payload()).expect("canonical"),
        metadata: BTreeMap::new(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    let kind = WriteKind::Insert { values: vec![Value::Uuid(key), Value::Null, Value::Int(0)] };
    let write = RowWrite { table: Counter::SCHEMA, key, kind, stamps: vec![] };
    ChangeSet { tenant: tenant("acme"), writes: vec![write], events: vec![NewEvent { envelope }] }
}

const SERIAL: &str = "the store has one writer at a time, so no commit can be late";

/// It draws its positions early and commits late, past others that readers have passed by then.
pub async fn a_late_committer_is_neither_lost_nor_reordered<H: Harness>(harness: H) {
    if !harness.capabilities().concurrent_writers {
        return skip(SERIAL);
    }
    let backend = harness.backend();
    let mut lanes = Follower::start(&backend, &by_lane("relay")).await;
    let mut all = Follower::start(&backend, &whole("projector")).await;
    let mut seen = Vec::new();
    for round in 0..5 {
        let slow = harness.begin_slow_commit(new_counter(100 * round + 1)).await;
        for number in 2..=4 {
            backend.commit(new_counter(100 * round + number)).await.expect("committed");
        }
        seen.push((lanes.take(3).await, all.take(3).await));
        slow.await.expect("committed late");
        backend.commit(new_counter(100 * round + 5)).await.expect("committed");
        seen.push((lanes.take(2).await, all.take(2).await));
        let (_, last) = seen.last().expect("just pushed");
        let late = Uuid::from_u128(100 * round + 1);
        assert!(ids(last).contains(&late), "the late one is missing: {last:?}");
    }
    let (along_lanes, along_all): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let mut later = Follower::start(&backend, &by_lane("later relay")).await;
    assert_eq!(by_lanes(&later.take(25).await), by_lanes(&along_lanes.concat()));
    let mut later = Follower::start(&backend, &whole("later projector")).await;
    assert_eq!(ids(&later.take(25).await), ids(&along_all.concat()));
}

/// Everybody else's are read while it is open.
pub async fn a_slow_commit_delays_only_its_own_events<H: Harness>(harness: H) {
    if !harness.capabilities().concurrent_writers {
        return skip(SERIAL);
    }
    let backend = harness.backend();
    let mut follower = Follower::start(&backend, &by_lane("relay")).await;
    let slow = harness.begin_slow_commit(new_counter(1)).await;
    let app = application(&backend);
    let id = given_counter(&app, &ann(), 2).await;
    for _ in 0..20 {
        count_on(&app, &ann(), id).await;
        assert_eq!(follower.take(1).await[0].1.envelope.aggregate_id, id.uuid());
    }
    drop(slow);
}
