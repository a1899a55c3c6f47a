//! The store goes on by itself after its connections were killed, and knows what became of a commit.

mod harness;

use harness::PgHarness;
use idp_application::{Actor, Application, Context, ErrorKind, Store};
use idp_conformance::Harness;
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use std::sync::Arc;

fn context() -> Context {
    Context::new(TenantId::new("acme").expect("a valid name"), Actor::new("ann"))
}

fn id(number: u128) -> CounterId {
    CounterId::from_uuid(Uuid::from_u128(number))
}

async fn create(app: &Application, number: u128) {
    let unit = app.begin(context());
    unit.add(Counter::new(id(number))).expect("new");
    unit.commit().await.expect("written");
}

#[tokio::test]
async fn reads_and_commits_go_on_after_every_connection_was_killed() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    create(&app, 1).await;
    for round in 2..6 {
        assert!(harness.kill_connections().await > 0, "the pool keeps a connection");
        let unit = app.begin(context());
        unit.get::<Counter>(id(1)).await.expect("a read is done again on another connection");
        create(&app, round).await;
    }
}

#[tokio::test]
async fn a_commit_whose_connection_is_killed_writes_nothing_and_leaves_the_store_in_order() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    create(&app, 1).await;

    let unit = app.begin(context());
    unit.get::<Counter>(id(1)).await.expect("there").count_on();
    let version = version_after_killing(&harness, unit).await;
    assert_eq!(version, 1);
    create(&app, 2).await;
}

/// Kills the connection of a commit that has written everything and waits before it is visible.
async fn version_after_killing(harness: &PgHarness, unit: idp_application::UnitOfWork) -> i64 {
    let slow = Application::new(Arc::new(harness.connect_slowly().await) as Arc<dyn Store>);
    drop(unit);
    let held = harness.hold_slow_commits().await;
    let commit = tokio::spawn(async move {
        let unit = slow.begin(context());
        unit.get::<Counter>(id(1)).await.expect("there").count_on();
        unit.commit().await
    });
    held.wait_until_one_waits().await;
    harness.kill_connections().await;
    held.let_go().await;
    let error = commit.await.expect("no panic").expect_err("the connection was killed");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let app = Application::new(harness.backend());
    let unit = app.begin(context());
    unit.get::<Counter>(id(1)).await.expect("there").version()
}

/// Rows that are written by different arms are locked in the order of their keys all the same, so
/// that two batches cannot each hold what the other waits for.
#[tokio::test]
async fn a_batch_locks_its_rows_in_the_order_of_their_keys() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    for number in 1..=3 {
        create(&app, number).await;
    }
    let control = harness.control();
    control.batch_execute("BEGIN").await.expect("begun");
    control.batch_execute(&lock(2, "")).await.expect("nobody holds row 2");
    let batch = {
        let app = app.clone();
        tokio::spawn(async move {
            let unit = app.begin(context());
            unit.get::<Counter>(id(1)).await.expect("there").count_on();
            unit.get::<Counter>(id(2)).await.expect("there").observe();
            unit.get::<Counter>(id(3)).await.expect("there").count_on();
            unit.commit().await
        })
    };
    harness.wait_until_a_lock_is_waited_for().await;

    let other = harness.another_control().await;
    other.batch_execute("BEGIN").await.expect("begun");
    let first = other.batch_execute(&lock(1, "NOWAIT")).await;
    assert!(first.is_err(), "the batch holds row 1 and waits for row 2");
    other.batch_execute("ROLLBACK; BEGIN").await.expect("begun");
    let last = other.batch_execute(&lock(3, "NOWAIT")).await;
    assert!(last.is_ok(), "the batch must not hold row 3 before it has row 2");

    other.batch_execute("ROLLBACK").await.expect("ended");
    control.batch_execute("ROLLBACK").await.expect("ended");
    batch.await.expect("no panic").expect("nobody changed the rows");
}

fn lock(number: u128, how: &str) -> String {
    format!("SELECT 1 FROM counter WHERE id = '{}' FOR UPDATE {how}", Uuid::from_u128(number))
}
