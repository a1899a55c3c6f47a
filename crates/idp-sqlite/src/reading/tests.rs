//! However lanes stand to each other, and whichever way they are read, each gives what a plain look at
//! the log says.

use super::*;
use idp_application::ErrorKind;
use rusqlite::params;
use std::collections::BTreeMap;

const LANES: i16 = 64;

fn lanes() -> LaneCount {
    LaneCount::default()
}

fn log() -> Connection {
    let connection = Connection::open_in_memory().expect("memory opens");
    for (_, tables) in crate::migrate::FRAMEWORK {
        connection.execute_batch(tables).expect("the tables are made");
    }
    connection
}

/// Appends one event a lane, in that order.
fn append(connection: &Connection, lanes: impl Iterator<Item = i16>, payload: &str) {
    let insert = "INSERT INTO idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version,
          type, schema_id, schema_version, payload, metadata, content_hash, occurred_at)
        VALUES (?1, randomblob(16), 'acme', 'parcel', randomblob(16), 1, 'moved', 'moved', 1, ?2, '{}',
          'sha256:' || printf('%.64c', '0'), 0)";
    let snapshot = connection.unchecked_transaction().expect("it begins");
    let mut insert = snapshot.prepare(insert).expect("valid SQL");
    for lane in lanes {
        insert.execute(params![lane, payload]).expect("it is appended");
    }
    drop(insert);
    snapshot.commit().expect("it commits");
}

fn lease(lane: i16, position: i64) -> LaneLease {
    let cursor = Cursor { window: 0, position };
    LaneLease { lane: Lane::from_number(lane), epoch: 1, cursor, sequence: 0 }
}

fn positions(batch: &LaneBatch) -> Vec<i64> {
    batch.events.iter().map(|event| event.cursor.position).collect()
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn lane(&mut self, bound: u64) -> i16 {
        i16::try_from(self.below(bound)).expect("a small bound")
    }
}

/// Reads until nothing has more, and checks each reading on the way.
fn read_up(
    connection: &Connection,
    leases: &mut [LaneLease],
    limit: u32,
) -> BTreeMap<Lane, Vec<i64>> {
    let mut given: BTreeMap<Lane, Vec<i64>> = BTreeMap::new();
    loop {
        let batches = read(connection, leases, lanes(), limit).expect("it is read");
        let events: usize = batches.iter().map(|batch| batch.events.len()).sum();
        assert!(events <= usize::try_from(limit).expect("small"), "{events} of {limit}");
        let before = leases.to_vec();
        for batch in &batches {
            let lease =
                leases.iter_mut().find(|lease| lease.lane == batch.lane).expect("asked for");
            assert!(batch.through >= lease.cursor, "{batch:?}");
            assert!(batch.events.iter().all(|event| event.cursor <= batch.through), "{batch:?}");
            lease.cursor = batch.through;
            given.entry(batch.lane).or_default().extend(positions(batch));
        }
        if !batches.iter().any(|batch| batch.has_more) {
            return given;
        }
        assert_ne!(before, leases, "a reading of what has more gets on");
    }
}

#[test]
fn every_way_of_reading_gives_each_lane_its_events_in_order() {
    for seed in 0..40 {
        let mut numbers = Numbers(seed);
        let connection = log();
        // Few lanes, all lanes, or one that has nearly everything.
        let spread = [3, 64, 64, 20][usize::try_from(seed % 4).expect("small")];
        let busy = numbers.lane(64);
        let count = 200 + numbers.below(1_500);
        let lane_of = |numbers: &mut Numbers| match seed % 4 {
            2 if numbers.below(20) > 0 => busy,
            _ => numbers.lane(spread),
        };
        let all: Vec<i16> = (0..count).map(|_| lane_of(&mut numbers)).collect();
        append(&connection, all.iter().copied(), "{}");
        let asked = 1 + numbers.lane(64);
        let far = numbers.below(2) == 0;
        let mut leases: Vec<LaneLease> = (0..asked)
            .map(|lane| {
                let place = if far { numbers.below(count) } else { numbers.below(100) };
                lease(lane, i64::try_from(place).expect("small"))
            })
            .collect();
        let mut expected: BTreeMap<Lane, Vec<i64>> = BTreeMap::new();
        for (position, lane) in (1..).zip(&all) {
            let lane = Lane::from_number(*lane);
            if leases.iter().any(|l| l.lane == lane && l.cursor.position < position) {
                expected.entry(lane).or_default().push(position);
            }
        }
        let limit =
            u32::try_from([1, 7, 100, 500, 4_000][usize::try_from(seed % 5).expect("small")]);
        let mut given = read_up(&connection, &mut leases, limit.expect("small"));
        given.retain(|_, positions| !positions.is_empty());
        assert_eq!(given, expected, "seed {seed}");
        let end = i64::try_from(count).expect("small");
        assert!(leases.iter().all(|lease| lease.cursor.position == end), "all are read to the end");
    }
}

#[test]
fn lanes_without_news_get_on_with_the_others() {
    let connection = log();
    append(&connection, std::iter::repeat_n(5, 300), "{}");
    let leases: Vec<LaneLease> = (0..LANES).map(|lane| lease(lane, 0)).collect();
    let batches = read(&connection, &leases, lanes(), 100).expect("it is read");
    assert_eq!(batches.len(), leases.len());
    assert!(batches.iter().all(|batch| batch.through.position == 100 && batch.has_more));
    let at_end: Vec<LaneLease> = (0..LANES).map(|lane| lease(lane, 300)).collect();
    assert_eq!(read(&connection, &at_end, lanes(), 100).expect("it is read"), []);
}

#[test]
fn a_lane_far_behind_takes_no_more_than_its_share() {
    let connection = log();
    append(&connection, std::iter::repeat_n(0, 20_000), "{}");
    append(&connection, (0..6_400).map(|n| n % LANES), "{}");
    let behind = |lane| lease(lane, if lane == 0 { 0 } else { 20_000 });
    let leases: Vec<LaneLease> = (0..LANES).map(behind).collect();
    let batches = read(&connection, &leases, lanes(), 640).expect("it is read");
    let of = |lane: i16| {
        let batch = batches.iter().find(|batch| batch.lane == Lane::from_number(lane));
        batch.expect("it has news").events.len()
    };
    assert_eq!(of(0), 10);
    assert_eq!((1..LANES).map(of).sum::<usize>(), 630);
    assert!((1..LANES).all(|lane| of(lane) >= 9), "they are read in the order of the log");
}

#[test]
fn a_sweep_ends_where_little_is_wanted_and_its_lanes_are_read_one_by_one() {
    let connection = log();
    append(&connection, std::iter::repeat_n(63, 10_000), "{}");
    append(&connection, 0..10, "{}");
    let mut batches: Vec<LaneBatch> =
        (0..10).map(|lane| not_read(Lane::from_number(lane), Cursor::default())).collect();
    let mut room = Room::of(100);
    assert!(!sweep(&connection, &mut batches, 10_010, &mut room).expect("it is read"));
    let passed = batches[0].through.position;
    assert!((1..2_000).contains(&passed), "it looked at {passed}");
    assert!(batches.iter().all(|batch| batch.has_more && batch.through.position == passed));
    let leases: Vec<LaneLease> = (0..10).map(|lane| lease(lane, 0)).collect();
    let batches = read(&connection, &leases, lanes(), 100).expect("it is read");
    assert!(batches.iter().all(|batch| batch.events.len() == 1 && !batch.has_more), "{batches:?}");
}

#[test]
fn a_reading_holds_no_more_bytes_than_it_may_but_for_one_event() {
    let connection = log();
    let long = format!("\"{}\"", "x".repeat(3 * 1_024 * 1_024));
    append(&connection, 0..12, &long);
    let together: Vec<LaneLease> = (0..12).map(|lane| lease(lane, 0)).collect();
    let apart: Vec<LaneLease> = (0..4).map(|lane| lease(lane, 0)).collect();
    let whole = [LaneLease { lane: Lane::WHOLE, ..lease(0, 0) }];
    for (leases, expected) in [(&together[..], 6), (&apart, 4), (&whole, 6)] {
        let batches = read(&connection, leases, lanes(), 500).expect("it is read");
        assert_eq!(batches.iter().map(|batch| batch.events.len()).sum::<usize>(), expected);
    }
    let mut leases = together;
    let given = read_up(&connection, &mut leases, 500);
    assert_eq!(given.values().map(Vec::len).sum::<usize>(), 12);
}

#[test]
fn an_event_that_cannot_be_read_fails_the_reading_that_meets_it() {
    let connection = log();
    append(&connection, 0..20, "{}");
    connection
        .execute("UPDATE idp_outbox SET content_hash = 'x' WHERE position = 7", [])
        .expect("SQL");
    let of = |lanes: Range<i16>| lanes.map(|lane| lease(lane, 0)).collect::<Vec<_>>();
    for leases in [of(0..20), of(6..7)] {
        let error = read(&connection, &leases, lanes(), 100).expect_err("it cannot be read");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("position 7"), "{error}");
    }
    assert_eq!(read(&connection, &of(7..20), lanes(), 100).expect("it is not met").len(), 13);
}
