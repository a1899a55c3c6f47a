//! Recording progress finds the rows where they lay, also while an old transaction keeps all that was
//! replaced; and looks them up where somebody else wrote them since.

mod harness;

use harness::PgHarness;
use idp_application::{
    Claim, Cursor, Lane, LaneLease, LaneProgress, OutboxLog, Reader, Sharding, WorkerId,
};
use idp_domain::Uuid;
use std::time::Duration;
use tokio::time::{interval, timeout};

const TTL: Duration = Duration::from_secs(60);
const ADVANCES: i64 = 100;

fn reader() -> Reader {
    Reader { name: "letters".into(), sharding: Sharding::ByLane }
}

async fn claim(log: &dyn OutboxLog) -> Vec<LaneLease> {
    let worker = WorkerId(Uuid::from_u128(1));
    let joined = log.join(&reader(), worker, TTL).await.expect("joined");
    let claim = Claim { worker, lanes_max: joined.lanes, lease_ttl: TTL };
    log.claim(&reader(), claim).await.expect("claimed")
}

fn progress(leases: &[LaneLease], number: i64) -> Vec<LaneProgress> {
    let of = |lease: &LaneLease| LaneProgress {
        lane: lease.lane,
        epoch: lease.epoch,
        cursor: Cursor { window: 1, position: number },
        sequence: number,
    };
    leases.iter().map(of).collect()
}

async fn advance(log: &dyn OutboxLog, leases: &[LaneLease], number: i64) -> Vec<Lane> {
    let progress = progress(leases, number);
    let mut held = log.advance(&reader(), &progress, TTL).await.expect("recorded");
    held.sort_unstable();
    held
}

/// How often the index of the rows was asked, once the server has counted that many changes.
async fn lookups_after(harness: &PgHarness, changes: i64) -> i64 {
    const COUNTED: &str = "SELECT n_tup_upd, idx_scan FROM pg_stat_user_tables
        WHERE schemaname = current_schema() AND relname = 'idp_reader_lane'";
    let counted = async {
        let mut turns = interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            let row = harness.control().query_one(COUNTED, &[]).await.expect("counted");
            if row.get::<_, i64>(0) >= changes {
                return row.get(1);
            }
        }
    };
    timeout(Duration::from_secs(20), counted).await.expect("a session counts when it ends")
}

#[tokio::test]
async fn progress_beside_an_old_transaction_is_recorded_without_looking_rows_up() {
    let harness = PgHarness::start().await;
    let old = harness.another_control().await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM idp_reader_lane";
    old.batch_execute(begin).await.expect("a snapshot");
    let store = harness.connect_with("idp.slow=off").await;
    let leases = claim(&store).await;
    let lanes: Vec<Lane> = leases.iter().map(|lease| lease.lane).collect();
    for number in 1..=ADVANCES {
        assert_eq!(advance(&store, &leases, number).await, lanes);
    }
    drop(store);
    let rows = i64::try_from(lanes.len()).expect("some dozens");
    let lookups = lookups_after(&harness, rows * (ADVANCES + 1)).await;
    // The first time, and what a new version that has no room beside the old one costs.
    assert!(lookups < rows * ADVANCES / 4, "{lookups} lookups for {} changes", rows * ADVANCES);
    old.batch_execute("COMMIT").await.expect("it was open all the while");
}

#[tokio::test]
async fn a_row_that_somebody_else_wrote_is_found_all_the_same() {
    let harness = PgHarness::start().await;
    let leases = claim(harness.store()).await;
    let all = advance(harness.store(), &leases, 1).await;
    assert_eq!(all.len(), leases.len());
    let touch = "UPDATE idp_reader_lane SET side_sequence = side_sequence WHERE lane % 2 = 0";
    harness.control().batch_execute(touch).await.expect("written");
    assert_eq!(advance(harness.store(), &leases, 2).await, all);
    harness.control().batch_execute("VACUUM FULL idp_reader_lane").await.expect("moved");
    assert_eq!(advance(harness.store(), &leases, 3).await, all);
    let behind = "SELECT count(*) FROM idp_reader_lane WHERE sequence <> 3";
    let behind: i64 = harness.control().query_one(behind, &[]).await.expect("counted").get(0);
    assert_eq!(behind, 0);
}

#[tokio::test]
async fn a_row_under_another_epoch_is_neither_taken_where_it_lay_nor_found() {
    let harness = PgHarness::start().await;
    let leases = claim(harness.store()).await;
    advance(harness.store(), &leases, 1).await;
    let take_over = "UPDATE idp_reader_lane SET epoch = epoch + 1 WHERE lane = 3";
    harness.control().batch_execute(take_over).await.expect("written");
    let held = advance(harness.store(), &leases, 2).await;
    assert_eq!(held.len(), leases.len() - 1);
    assert!(!held.contains(&Lane::from_number(3)), "{held:?}");
    let sequence = "SELECT sequence FROM idp_reader_lane WHERE lane = 3";
    let sequence: i64 = harness.control().query_one(sequence, &[]).await.expect("a row").get(0);
    assert_eq!(sequence, 1);
}
