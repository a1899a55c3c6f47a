//! The clock of the server is set back: who died before does not count as alive until it has caught up.

mod harness;

use harness::PgHarness;
use idp_application::{OutboxLog, Reader, Sharding, WorkerId};
use idp_domain::Uuid;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(10);

async fn workers_live(harness: &PgHarness, worker: u128) -> u16 {
    let reader = Reader { name: "bus".into(), sharding: Sharding::ByLane };
    let worker = WorkerId(Uuid::from_u128(worker));
    let joined = harness.store().join(&reader, worker, TTL).await;
    joined.expect("the server answers").workers_live
}

#[tokio::test]
async fn a_worker_that_died_before_the_clock_was_set_back_does_not_count_as_alive() {
    let harness = PgHarness::start().await;
    assert_eq!(workers_live(&harness, 1).await, 1);
    assert_eq!(workers_live(&harness, 2).await, 2);
    // As if worker 1 had said so an hour ahead, by the clock as it was.
    let an_hour_ago = "UPDATE idp_reader_worker SET alive_until = alive_until + interval '1 hour'
        WHERE worker = '00000000-0000-0000-0000-000000000001'";
    harness.control().batch_execute(an_hour_ago).await.expect("it is there");
    assert_eq!(workers_live(&harness, 2).await, 1);
    // It was alive after all.
    assert_eq!(workers_live(&harness, 1).await, 2);
}
