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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_batches_over_the_same_rows_do_not_deadlock() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let unit = app.begin(context());
    for number in 1..=40 {
        unit.add(Counter::new(id(number))).expect("new");
    }
    unit.commit().await.expect("written");
    let tasks = (0..6_u128).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            for round in 0..10 {
                let unit = app.begin(context());
                for step in 0..40 {
                    // Each task visits the rows in another order, and changes another selection.
                    let number = (step * 7 + task * 11 + round) % 40 + 1;
                    let mut counter = unit.get::<Counter>(id(number)).await.expect("there");
                    // Columns that change differ, so the rows are written by different arms.
                    match (number * 31 + task * 17 + round) % 3 {
                        0 => counter.count_on(),
                        1 => counter.observe(),
                        _ => {}
                    }
                }
                if let Err(error) = unit.commit().await {
                    assert!(error.message().contains("changed by somebody else"), "{error:?}");
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no commit ended in a deadlock");
    }
}
