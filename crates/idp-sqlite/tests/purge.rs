//! A long log is purged in steps, so that commits get in between.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{LogKeeping, OutboxLog, PurgePolicy, Reader, Sharding, WorkerId};
use idp_domain::Uuid;
use rusqlite::Connection;
use std::time::Duration;

const EVENTS: i64 = 12_000;

/// What is written at once, and so what a purge that breaks down has done before.
const STEP: i64 = 5_000;

const FILL: &str = "
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
    INSERT INTO idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version, type,
      schema_id, schema_version, payload, metadata, content_hash, occurred_at)
    SELECT n % 64, randomblob(16), 'acme', 'parcel', randomblob(16), 1, 'moved', 'moved', 1, '{}', '{}',
      'sha256:' || printf('%.64c', '0'), 0 FROM number";

fn events(connection: &Connection) -> i64 {
    let count = "SELECT count(*) FROM idp_outbox";
    connection.query_row(count, [], |row| row.get(0)).expect("it can be counted")
}

#[tokio::test]
async fn a_long_log_is_purged_in_steps_each_of_which_is_written_by_itself() {
    let harness = FileHarness::start().await;
    let store = &harness.store;
    let other = open_as_other(&harness.path);
    other.execute(FILL, [EVENTS]).expect("the log is filled");
    let reader = Reader { name: "bus".into(), sharding: Sharding::ByLane };
    let worker = WorkerId(Uuid::from_u128(1));
    store.join(&reader, worker, Duration::from_secs(60)).await.expect("it may join");
    other.execute("UPDATE idp_reader_lane SET position = ?1", [EVENTS]).expect("all is read");
    // In the second step something is in the way.
    let in_the_way = format!(
        "CREATE TRIGGER in_the_way BEFORE DELETE ON idp_outbox WHEN OLD.position = {}
           BEGIN SELECT RAISE(ABORT, 'in the way'); END",
        STEP + 1_000
    );
    other.execute_batch(&in_the_way).expect("it is made");
    let policy = PurgePolicy::default();
    store.purge(&policy).await.expect_err("something is in the way");
    assert_eq!(events(&other), EVENTS - STEP, "the first step was written, and the second undone");
    other.execute_batch("DROP TRIGGER in_the_way").expect("it is there");
    let report = store.purge(&policy).await.expect("nothing is in the way");
    assert_eq!(i64::try_from(report.events_dropped), Ok(EVENTS - STEP));
    assert_eq!((report.blocked_by, events(&other)), (None, 0));
}
