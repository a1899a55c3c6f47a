//! Calls that are given up leave nothing behind in the server.

mod harness;

use harness::PgHarness;
use idp_application::{OutboxLog, Reader, Sharding, WorkerId};
use idp_domain::Uuid;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_server_stops_a_statement_whose_caller_has_given_up() {
    let harness = PgHarness::start().await;
    let other = harness.another_control().await;
    let lock = "BEGIN; LOCK TABLE idp_reader_worker IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).await.expect("it is free");
    let reader = Reader { name: "relay".into(), sharding: Sharding::ByLane };
    let worker = WorkerId(Uuid::from_u128(1));
    let join = harness.store().join(&reader, worker, Duration::from_secs(60));
    let given_up = tokio::time::timeout(Duration::from_millis(300), join).await;
    assert!(given_up.is_err(), "it waits for the lock");

    let begun = Instant::now();
    while waiting(&harness).await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the server goes on waiting");
        tokio::task::yield_now().await;
    }
    other.batch_execute("ROLLBACK").await.expect("it ends");
    let joined = harness.store().join(&reader, worker, Duration::from_secs(60)).await;
    assert_eq!(joined.expect("the pool has room").workers_live, 1);
}

async fn waiting(harness: &PgHarness) -> i64 {
    let sql = "SELECT count(*) FROM pg_locks
                WHERE NOT granted AND relation = 'idp_reader_worker'::regclass";
    harness.control().query_one(sql, &[]).await.expect("it is asked").get(0)
}
