//! What is particular to purges on PostgreSQL: locks are tried, not waited for. The rest is in the
//! conformance suite.

mod harness;

use harness::PgHarness;
use idp_application::{
    Actor, Application, Claim, Context, LaneLease, LaneProgress, LogKeeping, OutboxLog, PurgeBlock,
    PurgePolicy, Reader, Sharding, WorkerId,
};
use idp_conformance::Harness;
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(3_600);
const EVERYTHING: PurgePolicy =
    PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: u64::MAX };

fn reader() -> Reader {
    Reader { name: "projector".into(), sharding: Sharding::Whole }
}

/// A new counter with so many events.
async fn count(app: &Application, number: u128, events: u32) {
    let tenant = TenantId::new("acme").expect("a valid name");
    let unit = app.begin(Context::new(tenant, Actor::new("ann")));
    let mut counter = Counter::new(CounterId::from_uuid(Uuid::from_u128(number)));
    (0..events).for_each(|_| counter.count_on());
    unit.add(counter).expect("new");
    unit.commit().await.expect("written");
}

async fn claim(harness: &PgHarness) -> LaneLease {
    let worker = WorkerId(Uuid::from_u128(1));
    harness.store().join(&reader(), worker, LONG).await.expect("joined");
    let claim = Claim { worker, lanes_max: 1, lease_ttl: LONG };
    harness.store().claim(&reader(), claim).await.expect("claimed")[0]
}

/// Reads all there is and records it; gives the numbers of the counters, each once an event.
async fn pass(harness: &PgHarness, lease: &mut LaneLease) -> Vec<u128> {
    let mut read = Vec::new();
    loop {
        let batches = harness.store().read(&[*lease], 100).await.expect("read");
        let Some(batch) = batches.into_iter().next() else { break };
        lease.cursor = batch.through;
        lease.sequence += i64::try_from(batch.events.len()).expect("few");
        read.extend(batch.events.iter().map(|event| event.envelope.aggregate_id.as_u128()));
    }
    let LaneLease { lane, epoch, cursor, sequence } = *lease;
    let progress = LaneProgress { lane, epoch, cursor, sequence };
    let held = harness.store().advance(&reader(), &[progress], LONG).await.expect("recorded");
    assert_eq!(held.len(), 1);
    read
}

#[tokio::test]
async fn a_commit_that_is_under_way_keeps_its_partition_and_is_read() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let mut lease = claim(&harness).await;
    count(&app, 1, 3).await;
    let slow = Application::new(Arc::new(harness.connect_slowly().await));
    let held = harness.hold_slow_commits().await;
    let commit = tokio::spawn(async move { count(&slow, 2, 1).await });
    held.wait_until_one_waits().await;
    count(&app, 3, 30).await;
    assert_eq!(pass(&harness, &mut lease).await.len(), 33);

    let report = harness.store().purge(&EVERYTHING).await.expect("no trouble");
    assert_eq!((report.events_dropped, report.blocked_by), (0, Some(PurgeBlock::Locked)));
    held.let_go().await;
    commit.await.expect("it commits");
    let report = harness.store().purge(&EVERYTHING).await.expect("no trouble");
    assert_eq!(report.blocked_by, Some(PurgeBlock::LateCommit), "nobody has read it");
    assert_eq!(pass(&harness, &mut lease).await, [2]);
    harness.store().purge(&EVERYTHING).await.expect("no trouble");
    let left = harness.control().query_one("SELECT count(*) FROM idp_outbox", &[]).await;
    assert_eq!(left.expect("counted").get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_dump_that_holds_the_log_keeps_no_writer_waiting_for_a_purge() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let mut lease = claim(&harness).await;
    count(&app, 1, 40).await;
    assert_eq!(pass(&harness, &mut lease).await.len(), 40);
    let dump = harness.another_control().await;
    dump.batch_execute("BEGIN; SELECT count(*) FROM idp_outbox").await.expect("it reads");

    let purger = harness.store().clone();
    let purging = tokio::spawn(async move {
        for _ in 0..5 {
            let report = purger.purge(&EVERYTHING).await.expect("no trouble");
            assert_eq!(report.blocked_by, Some(PurgeBlock::Locked));
        }
    });
    let mut number = 2;
    while !purging.is_finished() {
        let begun = Instant::now();
        count(&app, number, 1).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "a commit took {:?}", begun.elapsed());
        number += 1;
    }
    purging.await.expect("it is told that the log is locked");
    dump.batch_execute("COMMIT").await.expect("it ends");
    pass(&harness, &mut lease).await;
    let report = harness.store().purge(&EVERYTHING).await.expect("no trouble");
    assert!(report.events_dropped >= 40, "{report:?}");
}

/// As when its transaction stood still between drawing its position and writing.
#[tokio::test]
async fn an_event_whose_position_was_purged_when_it_is_written_is_read() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let mut lease = claim(&harness).await;
    count(&app, 1, 40).await;
    pass(&harness, &mut lease).await;
    harness.store().purge(&EVERYTHING).await.expect("no trouble");
    let drawn = "SELECT setval('idp_outbox_position_seq', 5, false)";
    harness.control().batch_execute(drawn).await.expect("the sequence is there");
    count(&app, 2, 1).await;
    assert_eq!(pass(&harness, &mut lease).await, [2]);
}

/// What is dropped is counted under the gate: a long log must not make that long.
#[tokio::test]
async fn a_long_log_is_purged_in_calls_that_are_bounded() {
    const EVENTS: u64 = 5;
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let mut lease = claim(&harness).await;
    for number in 1..=60 {
        count(&app, number, 5).await;
        assert_eq!(pass(&harness, &mut lease).await.len(), 5, "a window of its own");
    }
    let policy = PurgePolicy { events_max: 50, ..EVERYTHING };
    let mut dropped = Vec::new();
    loop {
        let report = harness.store().purge(&policy).await.expect("no trouble");
        dropped.push(report.events_dropped);
        if report.blocked_by != Some(PurgeBlock::Limit) {
            break;
        }
    }
    assert!(dropped.iter().all(|events| *events < 50 + EVENTS), "{dropped:?}");
    assert!(dropped.iter().sum::<u64>() >= 280, "{dropped:?}");
    count(&app, 100, 1).await;
    assert_eq!(pass(&harness, &mut lease).await, [100]);
}

/// Where no partition is passed as a whole, the floor rises all the same: else each call would count what
/// the one before it counted, and never more.
#[tokio::test]
async fn the_floor_rises_with_each_bounded_purge_though_no_partition_goes() {
    let harness = PgHarness::with_partitions_of(1_000).await;
    let app = Application::new(harness.backend());
    let mut lease = claim(&harness).await;
    for number in 1..=30 {
        count(&app, number, 5).await;
        assert_eq!(pass(&harness, &mut lease).await.len(), 5, "a window of its own");
    }
    let policy = PurgePolicy { events_max: 50, ..EVERYTHING };
    let mut floors = vec![floor(&harness).await];
    loop {
        let report = harness.store().purge(&policy).await.expect("no trouble");
        floors.push(floor(&harness).await);
        if report.blocked_by != Some(PurgeBlock::Limit) {
            break;
        }
    }
    assert_eq!(floors, [1, 11, 21, 21], "the last windows wait for more");
}

async fn floor(harness: &PgHarness) -> i64 {
    let row = harness.control().query_one("SELECT window_first FROM idp_log_floor", &[]).await;
    row.expect("there is one").get(0)
}

/// It is counted in several calls, and the rows wait until the late one is read.
#[tokio::test]
async fn a_late_commit_in_the_oldest_partition_does_not_stop_bounded_purges() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let mut lease = claim(&harness).await;
    count(&app, 1, 3).await;
    let slow = Application::new(Arc::new(harness.connect_slowly().await));
    let held = harness.hold_slow_commits().await;
    let commit = tokio::spawn(async move { count(&slow, 2, 1).await });
    held.wait_until_one_waits().await;
    for number in 3..=30 {
        count(&app, number, 5).await;
        pass(&harness, &mut lease).await;
    }
    held.let_go().await;
    commit.await.expect("it commits");
    assert_eq!(pass(&harness, &mut lease).await, [2]);
    let policy = PurgePolicy { events_max: 20, ..EVERYTHING };
    let mut calls = 0;
    while harness.store().purge(&policy).await.expect("no trouble").blocked_by
        == Some(PurgeBlock::Limit)
    {
        calls += 1;
        assert!(calls < 50, "it does not get on");
    }
    let left = harness.control().query_one("SELECT count(*) FROM idp_outbox", &[]).await;
    assert!(left.expect("counted").get::<_, i64>(0) < 20);
}
