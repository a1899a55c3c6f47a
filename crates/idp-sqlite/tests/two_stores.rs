//! Two stores on one file, each with its own thread and connections, as two processes have them.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{
    Actor, Application, Backend, Claim, Context, Error, ErrorKind, Lane, Reader, RetryPolicy,
    Sharding, WorkerId,
};
use idp_conformance::Harness;
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_sqlite::SqliteOptions;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn ann() -> Context {
    Context::new(TenantId::new("acme").expect("valid"), Actor::new("ann"))
}

fn counter_id(number: u128) -> CounterId {
    CounterId::from_uuid(Uuid::from_u128(number))
}

fn patient(store: Arc<dyn Backend>) -> Application {
    let retry = RetryPolicy { attempts_max: 10_000, ..RetryPolicy::default() };
    Application::builder(store).retry(retry).build()
}

async fn add(app: &Application, number: u128) -> Result<(), Error> {
    let unit = app.begin(ann());
    unit.add(Counter::new(counter_id(number)))?;
    unit.commit().await.map(drop)
}

async fn count_on(app: Application, times: u32) {
    for _ in 0..times {
        let counted = app.run(ann(), |uow| async move {
            uow.get::<Counter>(counter_id(1)).await?.count_on();
            Ok::<_, Error>(())
        });
        counted.await.expect("every conflict is retried");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_increment_of_two_stores_is_lost() {
    let harness = FileHarness::start().await;
    let first = patient(harness.backend());
    let second = patient(harness.second_process().await);
    add(&first, 1).await.expect("nobody else writes");
    let tasks = [&first, &second, &first, &second];
    let tasks = tasks.map(|app| tokio::spawn(count_on(app.clone(), 50)));
    for task in tasks {
        task.await.expect("no task panics");
    }
    let unit = second.begin_read_only(ann());
    let counter = unit.get::<Counter>(counter_id(1)).await.expect("it is there");
    assert_eq!((counter.count, counter.version()), (200, 201));
    assert_versions_rise(&harness);
}

/// The events of the one aggregate stand in the log in the order of its versions.
fn assert_versions_rise(harness: &FileHarness) {
    let other = open_as_other(&harness.path);
    let mut statement = other
        .prepare("SELECT aggregate_version FROM idp_outbox ORDER BY position")
        .expect("valid SQL");
    let versions = statement.query_map([], |row| row.get(0)).expect("it can be read");
    let versions: Vec<i64> = versions.collect::<Result<_, _>>().expect("numbers");
    assert_eq!(versions, (2..=201).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lane_is_claimed_twice() {
    let harness = FileHarness::start().await;
    let reader = Reader { name: "relay".into(), sharding: Sharding::ByLane };
    let stores = [harness.backend(), harness.second_process().await];
    let tasks = (0..8_usize).map(|number| {
        let (store, reader) = (Arc::clone(&stores[number % 2]), reader.clone());
        tokio::spawn(async move { claim_bit_by_bit(&*store, &reader, number).await })
    });
    let mut claimed = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        for lane in task.await.expect("no task panics") {
            assert!(claimed.insert(lane), "{lane:?} has two owners");
        }
    }
    assert_eq!(claimed.len(), 64);
}

async fn claim_bit_by_bit(store: &dyn Backend, reader: &Reader, number: usize) -> Vec<Lane> {
    let worker = WorkerId(Uuid::from_u128(number as u128));
    let lease_ttl = Duration::from_secs(3_600);
    store.join(reader, worker, lease_ttl).await.expect("it can join");
    let mut lanes = Vec::new();
    loop {
        let claim = Claim { worker, lanes_max: 3, lease_ttl };
        let leases = store.claim(reader, claim).await.expect("it can claim");
        if leases.is_empty() {
            return lanes;
        }
        assert!(leases.iter().all(|lease| lease.epoch == 1), "nobody had them before");
        lanes.extend(leases.iter().map(|lease| lease.lane));
    }
}

#[tokio::test]
async fn whoever_waits_too_long_for_another_writer_gets_a_time_out_and_has_written_nothing() {
    let options =
        SqliteOptions { busy_timeout: Duration::from_millis(20), ..SqliteOptions::default() };
    let harness = FileHarness::start_with(options).await;
    let app = Application::new(harness.store.clone());
    let other = open_as_other(&harness.path);
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let error = add(&app, 1).await.expect_err("another process writes");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_retryable(), "nothing happened");
    let unit = app.begin_read_only(ann());
    assert!(unit.find::<Counter>(counter_id(1)).await.expect("reading is possible").is_none());
    other.execute_batch("ROLLBACK").expect("a transaction is open");
    add(&app, 1).await.expect("nobody writes");
}

#[tokio::test]
async fn the_lock_of_another_writer_is_waited_for() {
    let harness = FileHarness::start().await;
    let app = Application::new(harness.store.clone());
    let other = open_as_other(&harness.path);
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let adding = tokio::spawn(async move { add(&app, 1).await });
    tokio::task::yield_now().await;
    assert!(!adding.is_finished());
    other.execute_batch("ROLLBACK").expect("a transaction is open");
    adding.await.expect("the task does not panic").expect("it is its turn now");
}
