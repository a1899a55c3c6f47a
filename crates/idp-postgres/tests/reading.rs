//! Long backlogs are read in pages: by the order of positions also in the first, and bounded in bytes.

mod courier;
mod harness;

use courier::Courier;
use harness::PgHarness;
use idp_application::{
    LaneBatch, LaneLease, OutboxLog, Sharding, TenantScope, TenantTracks, TrackReading,
};
use idp_domain::TenantId;
use idp_postgres::PgStore;

/// The statement that appends so many events with payloads of so many bytes each.
fn append(count: u32, bytes: u32) -> String {
    format!(
        "INSERT INTO idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version,
           type, schema_id, schema_version, payload, metadata, content_hash, occurred_at)
         SELECT n % 7, gen_random_uuid(), 'acme', 'parcel', md5(n::text)::uuid, 1, 'parcel.moved',
           'parcel.moved', 1, to_json(repeat('x', {bytes})), '{{}}', 'sha256:' || repeat('0', 64), now()
         FROM generate_series(1, {count}) AS n"
    )
}

/// Reads on behind what it has, and gives the positions that it got.
async fn page(store: &PgStore, courier: &mut Courier, limit: u32) -> (Vec<i64>, bool) {
    let mut batches = store.read(&courier.leases, limit).await.expect("readable");
    assert!(batches.len() <= 1, "there is one reader of the whole log");
    let Some(LaneBatch { events, through, has_more, .. }) = batches.pop() else {
        return (Vec::new(), false);
    };
    courier.leases[0].cursor = through;
    (events.iter().map(|event| event.cursor.position).collect(), has_more)
}

#[tokio::test]
async fn a_page_has_no_more_bytes_than_fit_and_what_is_left_comes_with_the_next() {
    let harness = PgHarness::start().await;
    harness.control().batch_execute(&append(40, 1_000_000)).await.expect("appended");
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    let mut pages = Vec::new();
    loop {
        let (positions, has_more) = page(harness.store(), &mut courier, 500).await;
        pages.push(positions);
        if !has_more {
            break;
        }
        assert!(pages.len() < 10, "it gets on");
    }
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [17, 17, 6], "the first that is beyond 16 MiB is the last");
    assert_eq!(pages.concat(), (1..=40).collect::<Vec<i64>>());
}

#[tokio::test]
async fn the_bytes_of_all_windows_of_a_page_count_together() {
    let harness = PgHarness::start().await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    let start = courier.leases.clone();
    harness.control().batch_execute(&append(2_500, 4_000)).await.expect("10 MB are appended");
    assert_eq!(
        page(harness.store(), &mut courier, 10).await.0.len(),
        10,
        "which ends their window"
    );
    harness.control().batch_execute(&append(40, 1_000_000)).await.expect("another window");
    courier.leases = start;
    let (positions, has_more) = page(harness.store(), &mut courier, 2_520).await;
    assert_eq!((positions.len(), has_more), (2_507, true), "7 MB are left for the second");
}

#[tokio::test]
async fn a_page_of_a_scope_has_no_more_bytes_either() {
    let harness = PgHarness::start().await;
    harness.control().batch_execute(&append(40, 1_000_000)).await.expect("appended");
    let courier = Courier::start(harness.store(), Sharding::Whole).await;
    let LaneLease { lane, mut cursor, .. } = courier.leases[0];
    let mut sizes = Vec::new();
    loop {
        let scope = TenantScope::Only(TenantId::new("acme").expect("valid"));
        let reading = TrackReading { lane, cursor, scope, until: None };
        let mut batches = harness.store().read_tracks(&[reading], 500).await.expect("readable");
        let Some(batch) = batches.pop() else { break };
        sizes.push(batch.given());
        cursor = batch.through;
        if !batch.has_more {
            break;
        }
        assert!(sizes.len() < 10, "it gets on");
    }
    assert_eq!(sizes, [17, 17, 6]);
}

#[tokio::test]
async fn a_window_with_most_of_the_log_is_read_in_order_and_so_is_what_commits_behind_it() {
    const BACKLOG: i64 = 5_000;
    let harness = PgHarness::start().await;
    let late = harness.another_control().await;
    late.batch_execute("BEGIN").await.expect("begun");
    late.batch_execute(&append(1, 10)).await.expect("its position is the first");
    harness.control().batch_execute(&append(5_000, 10)).await.expect("appended");
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    let mut read = Vec::new();
    loop {
        let (positions, has_more) = page(harness.store(), &mut courier, 700).await;
        assert!(positions.len() <= 700);
        read.extend(positions);
        if !has_more {
            break;
        }
    }
    assert_eq!(read, (2..=BACKLOG + 1).collect::<Vec<i64>>());
    late.batch_execute("COMMIT").await.expect("committed");
    assert_eq!(page(harness.store(), &mut courier, 700).await, (vec![1], false));
    harness.control().batch_execute(&append(3, 10)).await.expect("appended");
    let last: Vec<i64> = (BACKLOG + 2..=BACKLOG + 4).collect();
    assert_eq!(page(harness.store(), &mut courier, 700).await, (last, false));
}
