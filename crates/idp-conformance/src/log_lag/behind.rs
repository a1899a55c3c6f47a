//! What a reader has not passed.

use super::{LagHarness, lag_of, report};
use crate::clauses::clauses;
use crate::courier::{Courier, RELAY, count, count_for};
use crate::fixture::{ann, counter_id, refused, tenant};
use crate::follower::{Follower, LONG, by_lane, whole};
use crate::sample::Counter;
use idp_application::{
    Application, Backend, ErrorKind, LagBounds, Lane, LaneCount, ManualClock, ReaderLag, Sharding,
    Store, TenantTrack, TrackRecord,
};
use idp_domain::{EntityId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

clauses! {
    macro log_lag_behind of log_lag::behind;
    a_reader_of_an_empty_log_is_there_and_not_behind,
    what_is_not_passed_is_counted_by_lane_and_tenant,
    what_is_passed_is_not_counted,
    a_lane_that_stands_still_does_not_hide_the_others,
    the_track_of_a_tenant_has_a_lag_of_its_own,
    the_oldest_event_is_that_of_those_not_passed,
    no_more_than_the_bound_is_looked_at_and_that_is_said,
    bounds_of_nothing_are_refused,
}

/// How many events by lane and tenant.
fn counts(lag: &ReaderLag) -> BTreeMap<(Lane, &str), u64> {
    lag.lags.iter().map(|lag| ((lag.lane, lag.tenant.as_str()), lag.events)).collect()
}

fn total(lag: &ReaderLag) -> u64 {
    lag.lags.iter().map(|lag| lag.events).sum()
}

fn lane_of(name: &str, number: u128) -> Lane {
    Lane::of(&tenant(name), counter_id(number).uuid(), LaneCount::default())
}

/// With nobody alive, once it has left.
pub async fn a_reader_of_an_empty_log_is_there_and_not_behind<H: LagHarness>(harness: H) {
    let mut follower = Follower::start(&harness.backend(), &by_lane("relay")).await;
    let lag = lag_of(&harness, "relay").await;
    assert_eq!((lag.workers_live, lag.sharding), (1, Sharding::ByLane));
    assert!(lag.lags.is_empty() && lag.is_complete, "{lag:?}");
    follower.release().await;
    assert_eq!(lag_of(&harness, "relay").await.workers_live, 0);
    Follower::start(&harness.backend(), &whole("board")).await;
    assert_eq!(lag_of(&harness, "board").await.sharding, Sharding::Whole);
    assert_eq!(report(&harness).await.readers.len(), 2);
}

/// By whoever shares the log by lanes, and by whoever reads the whole of it.
pub async fn what_is_not_passed_is_counted_by_lane_and_tenant<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    let _relay = Follower::start(&backend, &by_lane("relay")).await;
    let _board = Follower::start(&backend, &whole("board")).await;
    count(&backend, &[1, 2, 1]).await;
    count_for(&backend, "globex", &[1]).await;
    let mut expected = BTreeMap::new();
    let events = [("acme", 1, 2), ("acme", 2, 1), ("globex", 1, 1)];
    for (name, number, count) in events {
        *expected.entry((lane_of(name, number), name)).or_default() += count;
    }
    let relay = lag_of(&harness, "relay").await;
    assert_eq!(counts(&relay), expected);
    let whole = [((Lane::WHOLE, "acme"), 3), ((Lane::WHOLE, "globex"), 1)];
    assert_eq!(counts(&lag_of(&harness, "board").await), whole.into());
    assert!(relay.is_complete);
}

/// Also in the middle of what is visible at once.
pub async fn what_is_passed_is_not_counted<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    let mut relay = Follower::start(&backend, &by_lane("relay")).await;
    let _other = Follower::start(&backend, &by_lane("other")).await;
    count(&backend, &[1, 1, 1]).await;
    for left in [2, 1, 0] {
        relay.take(1).await;
        relay.advance(LONG).await;
        assert_eq!(total(&lag_of(&harness, "relay").await), left);
        assert_eq!(total(&lag_of(&harness, "other").await), 3);
    }
    count(&backend, &[1]).await;
    assert_eq!(total(&lag_of(&harness, "relay").await), 1);
}

/// Each is counted from its own place.
pub async fn a_lane_that_stands_still_does_not_hide_the_others<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    let mut relay = Follower::start(&backend, &by_lane("relay")).await;
    count(&backend, &[1, 2, 3]).await;
    relay.take(3).await;
    let still = lane_of("acme", 1);
    relay.leases.retain(|lease| lease.lane != still);
    relay.advance(LONG).await;
    assert_eq!(counts(&lag_of(&harness, "relay").await), [((still, "acme"), 1)].into());
    count(&backend, &[3]).await;
    let expected = [((still, "acme"), 1), ((lane_of("acme", 3), "acme"), 1)];
    assert_eq!(counts(&lag_of(&harness, "relay").await), expected.into());
}

/// While the others of the lane go on.
pub async fn the_track_of_a_tenant_has_a_lag_of_its_own<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    let mut courier = Courier::start(&backend).await;
    let track = courier.split_first("acme").await;
    count(&backend, &[1, 1]).await;
    count_for(&backend, "globex", &[1]).await;
    let first = courier.follower.take(1).await.remove(0).1.cursor;
    courier.follower.take(2).await;
    courier.follower.advance(LONG).await;
    assert_eq!(counts(&lag_of(&harness, RELAY).await), [((Lane::WHOLE, "acme"), 2)].into());
    let (lane, epoch) = (Lane::WHOLE, courier.follower.leases[0].epoch);
    let track = TenantTrack { cursor: first, sequence: 1, ..track };
    let record = TrackRecord { lane, epoch, track, aside: vec![] };
    let held = backend.record_tracks(courier.reader(), &[record]).await.expect("recorded");
    assert_eq!(held, [lane]);
    assert_eq!(counts(&lag_of(&harness, RELAY).await), [((Lane::WHOLE, "acme"), 1)].into());
}

/// By the clock of the service.
pub async fn the_oldest_event_is_that_of_those_not_passed<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    let mut board = Follower::start(&backend, &whole("board")).await;
    let instants: Vec<_> =
        [1_600_000_000_000_001, 1_600_000_060_000_000].map(Timestamp::from_unix_micros).into();
    for (at, number) in instants.iter().zip(1..) {
        observed_at(&backend, *at, number).await;
    }
    let oldest = async || lag_of(&harness, "board").await.lags.first().map(|lag| lag.oldest);
    assert_eq!(oldest().await, Some(instants[0]));
    board.take(1).await;
    board.advance(LONG).await;
    assert_eq!(oldest().await, Some(instants[1]));
    board.take(1).await;
    board.advance(LONG).await;
    assert_eq!(oldest().await, None);
    let report = report(&harness).await;
    let hour = Timestamp::from_unix_micros(report.now.unix_micros() - 3_600_000_000);
    assert_eq!(report.age(hour).as_secs(), 3_600);
}

/// An event of a new counter that occurs at that instant.
async fn observed_at(backend: &Arc<dyn Backend>, at: Timestamp, number: u128) {
    let clock = Arc::new(ManualClock::at(at));
    let app = Application::builder(Arc::clone(backend) as Arc<dyn Store>).clock(clock).build();
    let unit = app.begin(ann());
    let mut counter = Counter::new(counter_id(number));
    counter.observe();
    unit.add(counter).expect("it is new");
    unit.commit().await.expect("it can be written");
}

/// The first ones are.
pub async fn no_more_than_the_bound_is_looked_at_and_that_is_said<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    let _board = Follower::start(&backend, &whole("board")).await;
    count_for(&backend, "first", &[1, 1]).await;
    count(&backend, &[1, 1, 1]).await;
    for (events_max, expected, is_complete) in [(4, 4, false), (5, 5, true), (6, 5, true)] {
        let bounds = LagBounds { events_max, ..LagBounds::default() };
        let report = harness.lag().lag(&bounds).await.expect("one can look at the lag");
        let lag = &report.readers[0];
        assert_eq!((total(lag), lag.is_complete), (expected, is_complete), "{events_max}");
        assert_eq!(counts(lag)[&(Lane::WHOLE, "first")], 2, "the first ones are looked at");
    }
}

/// Before anything is asked.
pub async fn bounds_of_nothing_are_refused<H: LagHarness>(harness: H) {
    let bounds = LagBounds { events_max: 0, blockers_max: 0 };
    let error = refused(harness.lag().lag(&bounds).await, ErrorKind::Invalid);
    assert!(error.message().contains("events_max") && error.message().contains("blockers_max"));
}
