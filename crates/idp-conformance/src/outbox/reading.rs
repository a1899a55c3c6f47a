//! What readers get: every committed event, in one order, and nothing else.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{
    ann, ann_of, application, count_on, counter_id, given_counter, parcel_id, refused, tenant,
};
use crate::follower::{Follower, LONG, by_lane, whole, whole_log};
use crate::sample::{Counter, Parcel};
use idp_application::{
    Backend, ChangeSet, ErrorKind, Lane, LaneCount, LaneLease, LoggedEvent, NewEvent, RowWrite,
    WriteKind,
};
use idp_domain::{
    ContentHasher, EntityId, Envelope, EventRecord, Record, Timestamp, Uuid, Value, canonical_json,
};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

clauses! {
    macro outbox_reading of outbox::reading;
    every_committed_event_is_read_once_in_the_order_of_versions,
    an_event_of_a_rolled_back_unit_is_never_read,
    reading_again_from_the_same_cursor_gives_the_same,
    the_order_does_not_depend_on_the_limit,
    two_readers_are_independent,
    a_new_reader_starts_at_the_beginning_of_the_log,
    a_reader_of_the_whole_sees_all_lanes_in_one_order,
    all_events_of_an_aggregate_are_in_its_lane,
    a_limit_is_kept_and_reading_goes_on_behind_it,
    a_lane_that_has_no_more_was_read_up_to_the_present,
    a_reader_that_comes_late_reads_all_of_a_log_that_others_have_read,
    a_lane_without_news_gives_nothing,
    reading_goes_on_where_the_worker_before_stopped,
    an_envelope_survives_unchanged,
}

/// How many counters [`count`] uses in each of two tenants, and how often each counts.
const COUNTERS: u128 = 5;
const TIMES: usize = 6;
const EVENTS: usize = 2 * 5 * TIMES;

/// Counts on, each counter in turn.
async fn count(backend: &Arc<dyn Backend>) {
    let app = application(backend);
    for name in ["acme", "globex"] {
        for number in 1..=COUNTERS {
            given_counter(&app, &ann_of(name), number).await;
        }
    }
    for _ in 0..TIMES {
        for name in ["acme", "globex"] {
            for number in 1..=COUNTERS {
                count_on(&app, &ann_of(name), counter_id(number)).await;
            }
        }
    }
}

/// The identities of the events of each lane, in order.
pub(crate) fn by_lanes(events: &[(Lane, LoggedEvent)]) -> BTreeMap<Lane, Vec<Uuid>> {
    let mut lanes: BTreeMap<Lane, Vec<Uuid>> = BTreeMap::new();
    for (lane, event) in events {
        lanes.entry(*lane).or_default().push(event.envelope.event_id);
    }
    lanes
}

/// The identities of the events, in order.
pub(crate) fn ids(events: &[(Lane, LoggedEvent)]) -> Vec<Uuid> {
    events.iter().map(|(_, event)| event.envelope.event_id).collect()
}

/// Fails unless every event is there once, and those of each aggregate stand in the order of its
/// versions without a gap, and the cursors of each lane rise.
#[track_caller]
pub(crate) fn check_order(events: &[(Lane, LoggedEvent)]) {
    let distinct: HashSet<_> = ids(events).into_iter().collect();
    assert_eq!(distinct.len(), events.len(), "an event was read twice");
    let mut versions = BTreeMap::new();
    let mut cursors = BTreeMap::new();
    for (lane, LoggedEvent { cursor, envelope }) in events {
        let aggregate = (envelope.tenant.clone(), envelope.aggregate_id);
        if let Some(before) = versions.insert(aggregate, envelope.aggregate_version) {
            let next = before + 1;
            assert_eq!(envelope.aggregate_version, next, "out of order: {envelope:?}");
        }
        if let Some(before) = cursors.insert(*lane, *cursor) {
            assert!(before < *cursor, "{cursor:?} stands behind {before:?}");
        }
    }
}

/// And no other.
pub async fn every_committed_event_is_read_once_in_the_order_of_versions<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    let mut follower = Follower::start(&backend, &by_lane("relay")).await;
    let events = follower.take(EVENTS).await;
    check_order(&events);
    let first_of_each = events.iter().filter(|(_, event)| event.envelope.aggregate_version == 2);
    assert_eq!(first_of_each.count(), EVENTS / TIMES);
    for _ in 0..3 {
        assert_eq!(follower.read(100).await, [], "there are no more");
    }
}

/// Whether it failed, was dropped or ended itself.
pub async fn an_event_of_a_rolled_back_unit_is_never_read<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    let id = given_counter(&app, &ann(), 1).await;
    for _ in 0..3 {
        let unit = app.begin(ann());
        unit.get::<Counter>(id).await.expect("there").count_on();
        unit.add(Parcel::registered(parcel_id(1))).expect("new");
        drop(unit);
        let unit = app.begin(ann());
        unit.get::<Counter>(id).await.expect("there").count_on();
        unit.add(Parcel::registered(parcel_id(1))).expect("new");
        count_on(&app, &ann(), id).await;
        refused(unit.commit().await, ErrorKind::Conflict);
    }
    let mut follower = Follower::start(&backend, &by_lane("relay")).await;
    check_order(&follower.take(3).await);
    assert_eq!(follower.read(100).await, []);
    let log = whole_log(&backend).await;
    let payloads: Vec<_> = log.iter().map(|event| event.payload.as_str()).collect();
    assert_eq!(payloads, [r#"{"to":1}"#, r#"{"to":2}"#, r#"{"to":3}"#]);
}

/// The same events in the same order, perhaps followed by more.
pub async fn reading_again_from_the_same_cursor_gives_the_same<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    for (reader, more) in [(by_lane("relay"), 0), (whole("projector"), 1)] {
        let events = EVENTS + more;
        let mut follower = Follower::start(&backend, &reader).await;
        let start = follower.leases.clone();
        let first = follower.take(EVENTS / 2).await;
        let middle = follower.leases.clone();
        let second = follower.take(events - EVENTS / 2).await;
        follower.leases = middle;
        let again = follower.take(events - EVENTS / 2).await;
        assert_eq!(by_lanes(&again), by_lanes(&second));
        follower.leases = start;
        count_on(&application(&backend), &ann(), counter_id(1)).await;
        let all = follower.take(events + 1).await;
        let before = by_lanes(&[first, second].concat());
        for (lane, after) in by_lanes(&all) {
            let before = before.get(&lane).map_or(&[][..], Vec::as_slice);
            assert_eq!(&after[..before.len()], before, "{lane:?}");
        }
    }
}

/// Reading one by one gives what reading all at once gives.
pub async fn the_order_does_not_depend_on_the_limit<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    for reader in [by_lane("relay"), whole("projector")] {
        let mut follower = Follower::start(&backend, &reader).await;
        let start = follower.leases.clone();
        let at_once = follower.take(EVENTS).await;
        follower.leases = start;
        let mut one_by_one = Vec::new();
        for _ in 0..EVENTS {
            one_by_one.extend(follower.take(1).await);
        }
        assert_eq!(by_lanes(&one_by_one), by_lanes(&at_once));
    }
}

/// Neither takes anything from the other, nor moves it.
pub async fn two_readers_are_independent<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    let mut first = Follower::start(&backend, &by_lane("first")).await;
    let mut second = Follower::start(&backend, &by_lane("second")).await;
    let read_first = first.take(EVENTS).await;
    first.advance(LONG).await;
    first.release().await;
    let held = second.advance(LONG).await;
    assert_eq!(held.len(), second.leases.len(), "the other reader's release is not its own");
    let read_second = second.take(EVENTS).await;
    assert_eq!(by_lanes(&read_second), by_lanes(&read_first));
}

/// Not at its end.
pub async fn a_new_reader_starts_at_the_beginning_of_the_log<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    whole_log(&backend).await;
    let follower = Follower::start(&backend, &by_lane("late")).await;
    assert!(follower.leases.iter().all(|lease| lease.sequence == 0));
    let mut follower = Follower::start(&backend, &whole("later")).await;
    assert_eq!(follower.leases.len(), 1);
    assert_eq!((follower.leases[0].lane, follower.leases[0].sequence), (Lane::WHOLE, 0));
    check_order(&follower.take(EVENTS).await);
}

/// And in it each lane stands as its own reader sees it.
pub async fn a_reader_of_the_whole_sees_all_lanes_in_one_order<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    let mut first = Follower::start(&backend, &whole("first")).await;
    let mut second = Follower::start(&harness.second_process().await, &whole("second")).await;
    let order = first.take(EVENTS).await;
    check_order(&order);
    assert_eq!(ids(&second.take(EVENTS).await), ids(&order));
    let mut lanes = Follower::start(&backend, &by_lane("lanes")).await;
    for (lane, events) in by_lanes(&lanes.take(EVENTS).await) {
        let members: HashSet<_> = events.iter().copied().collect();
        let in_whole = ids(&order).into_iter().filter(|id| members.contains(id));
        assert_eq!(in_whole.collect::<Vec<_>>(), events, "{lane:?}");
    }
}

/// The lane that the frozen function names.
pub async fn all_events_of_an_aggregate_are_in_its_lane<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    let mut follower = Follower::start(&backend, &by_lane("relay")).await;
    let (_, lanes) = follower.join(LONG).await;
    let lanes = LaneCount::new(lanes).expect("as many as a store can have");
    assert_eq!(follower.leases.len(), usize::from(lanes.get()));
    for (lane, event) in follower.take(EVENTS).await {
        let expected = Lane::of(&event.envelope.tenant, event.envelope.aggregate_id, lanes);
        assert_eq!(lane, expected);
    }
}

/// Over all lanes together.
pub async fn a_limit_is_kept_and_reading_goes_on_behind_it<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    for reader in [by_lane("relay"), whole("projector")] {
        for limit in [1, 7] {
            let mut follower = Follower::start(&backend, &reader).await;
            let mut events = Vec::new();
            crate::eventually::eventually("all events", async || {
                events.extend(follower.read(limit).await);
                (events.len() >= EVENTS).then_some(())
            })
            .await;
            check_order(&events);
            assert_eq!(events.len(), EVENTS);
            follower.release().await;
        }
    }
}

/// However the events are spread over the lanes: a relay waits for news after it.
pub async fn a_lane_that_has_no_more_was_read_up_to_the_present<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    for number in 1..=4 {
        given_counter(&app, &ann(), number).await;
    }
    for _ in 0..20 {
        count_on(&app, &ann(), counter_id(1)).await;
    }
    // And the one by which it is known that the whole log was read.
    let total = whole_log(&backend).await.len() + 1;
    for limit in [1, 9, 1_000] {
        let mut follower = Follower::start(&backend, &by_lane(&format!("relay {limit}"))).await;
        assert_eq!(follower.read_up(limit).await.len(), total);
    }
}

/// However many commits the others have read one by one: more than a store may keep in mind.
pub async fn a_reader_that_comes_late_reads_all_of_a_log_that_others_have_read<H: Harness>(
    harness: H,
) {
    const COMMITS: usize = 1_200;
    let backend = harness.backend();
    let app = application(&backend);
    let id = given_counter(&app, &ann(), 1).await;
    let mut early = Follower::start(&backend, &by_lane("early")).await;
    let mut read = 0;
    for _ in 0..COMMITS {
        count_on(&app, &ann(), id).await;
        read += early.read(10).await.len();
    }
    read += early.read_up(10).await.len();
    let mut late = Follower::start(&backend, &by_lane("late")).await;
    let events = late.read_up(500).await;
    assert_eq!(events.len(), read);
    check_order(&events);
    assert!(read >= COMMITS);
}

/// But it gets what comes later.
pub async fn a_lane_without_news_gives_nothing<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    let id = given_counter(&app, &ann(), 1).await;
    let mut follower = Follower::start(&backend, &by_lane("relay")).await;
    for to in 1..=3 {
        for _ in 0..3 {
            assert_eq!(follower.read(10).await, []);
        }
        count_on(&app, &ann(), id).await;
        let events = follower.take(1).await;
        assert_eq!(events[0].1.envelope.payload, format!(r#"{{"to":{to}}}"#));
    }
    let nothing: Vec<LaneLease> = Vec::new();
    assert_eq!(backend.read(&nothing, 10).await.expect("no lanes are fine"), []);
}

/// Behind what it recorded, with the number that it recorded.
pub async fn reading_goes_on_where_the_worker_before_stopped<H: Harness>(harness: H) {
    let backend = harness.backend();
    count(&backend).await;
    let mut all = Vec::new();
    for reader in [by_lane("relay"), whole("projector")] {
        let mut first = Follower::start(&backend, &reader).await;
        let begun = first.take(EVENTS / 3).await;
        let held = first.advance(LONG).await;
        assert_eq!(held.len(), first.leases.len());
        let stopped = first.leases.clone();
        first.take(EVENTS / 3).await; // Read, but not recorded as done.
        first.release().await;

        let mut second = Follower::start(&harness.second_process().await, &reader).await;
        for (before, after) in stopped.iter().zip(&second.leases) {
            assert_eq!((before.lane, before.sequence), (after.lane, after.sequence));
            assert_eq!(before.cursor, after.cursor);
        }
        let rest = second.take(EVENTS - EVENTS / 3).await;
        all.push([begun, rest].concat());
    }
    all.iter().for_each(|events| check_order(events));
}

/// A record in which every field is unusual.
fn record(number: u128) -> EventRecord {
    let metadata = [
        (EventRecord::ACTOR, "ann \"the\" ünique 😀"),
        (EventRecord::TRACE_PARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        (EventRecord::LEGAL_BASIS, ""),
        ("", "no name"),
        ("a'b\\c\nd", "\u{1}"),
    ];
    let payload = serde_json::json!({
        "text": "\\u0000 \" \\ / \n \u{7f} é 😀",
        "numbers": [0.1, -1e300, 9_007_199_254_740_991_i64, null, true],
        "nested": {"": {"z": [], "a": {}}},
    });
    EventRecord {
        event_id: Uuid::from_u128(number << 64 | 7),
        occurred_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
        tenant: tenant("acme"),
        aggregate_type: "counter".into(),
        aggregate_id: counter_id(number).uuid(),
        aggregate_version: (1 << 53) + 1,
        event_type: "counter.öffnete".into(),
        schema_id: "https://example.com/schema?a=b#'c'".into(),
        schema_version: 2_000_000_000,
        payload: canonical_json(&payload).expect("canonical"),
        metadata: metadata.map(|(name, text)| (name.to_string(), text.to_string())).into(),
    }
}

/// To the last byte: its hash is that of its content still.
pub async fn an_envelope_survives_unchanged<H: Harness>(harness: H) {
    let backend = harness.backend();
    let hashers = [ContentHasher::Plain, ContentHasher::Keyed(b"secret of acme".to_vec())];
    let mut sealed = Vec::new();
    for (hasher, number) in hashers.iter().zip(1..) {
        let envelope = Envelope::seal(record(number), hasher).expect("canonical");
        let values = vec![Value::Uuid(envelope.aggregate_id), Value::Null, Value::Int(0)];
        let write = RowWrite {
            table: Counter::SCHEMA,
            key: envelope.aggregate_id,
            kind: WriteKind::Insert { values },
            stamps: vec![],
        };
        let events = vec![NewEvent { envelope: envelope.clone() }];
        let changes = ChangeSet { tenant: tenant("acme"), writes: vec![write], events };
        backend.commit(changes).await.expect("committed");
        sealed.push(envelope);
    }
    let log = whole_log(&backend).await;
    assert_eq!(log, sealed);
    for (envelope, hasher) in log.iter().zip(&hashers) {
        assert!(envelope.is_intact(hasher), "{envelope:?}");
    }
}
