//! Many small windows, with transactions that were running when they ended, are read together as they are one by one.

mod harness;

use harness::PgHarness;
use idp_application::{Cursor, Lane, LaneLease, OutboxLog};
use idp_postgres::PgStore;
use tokio_postgres::Client;

const INSERT: &str = "
    INSERT INTO idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version,
      type, schema_id, schema_version, payload, metadata, content_hash, occurred_at)
    VALUES (0, gen_random_uuid(), 'acme', 'parcel', gen_random_uuid(), 1, 'parcel.moved',
      'parcel.moved', 1, '{}', '{}', 'sha256:' || repeat('0', 64), now())";

/// Reads on from a place, at most so many events at once, to the end of the log.
async fn read(store: &PgStore, mut from: Cursor, limit: u32) -> (Vec<Cursor>, Cursor) {
    let mut read = Vec::new();
    loop {
        let lease = LaneLease { lane: Lane::WHOLE, epoch: 1, cursor: from, sequence: 0 };
        let mut batches = store.read(&[lease], limit).await.expect("readable");
        let Some(batch) = batches.pop() else { return (read, from) };
        from = batch.through;
        read.extend(batch.events.iter().map(|event| event.cursor));
        if !batch.has_more {
            return (read, from);
        }
    }
}

/// Writers whose transactions overlap, and one who reads on whenever one of them has committed, which ends a
/// window. Gives what that one read.
async fn write(store: &PgStore, writers: &[Client], mut from: Cursor) -> Vec<Cursor> {
    let mut read_all = Vec::new();
    let mut is_open = vec![false; writers.len()];
    let mut random: u64 = 7;
    for _ in 0..240 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chosen = usize::try_from(random >> 33).expect("31 bits") % writers.len();
        let statement = match (is_open[chosen], (random >> 20) % 4) {
            (false, 0) => INSERT,
            (false, _) => "BEGIN",
            (true, 0) => "COMMIT",
            (true, 1) => "ROLLBACK",
            (true, _) => INSERT,
        };
        writers[chosen].batch_execute(statement).await.expect("nothing is in its way");
        is_open[chosen] = match statement {
            "BEGIN" => true,
            "COMMIT" | "ROLLBACK" => false,
            _ => is_open[chosen],
        };
        let (read_now, through) = read(store, from, 500).await;
        read_all.extend(read_now);
        from = through;
    }
    read_all
}

/// Writes behind a place, and reads that again in pages of several sizes.
async fn check(harness: &PgHarness, behind: Cursor) {
    let mut writers = Vec::new();
    for _ in 0..4 {
        writers.push(harness.another_control().await);
    }
    let follower = harness.connect_with("application_name=follower").await;
    let one_by_one = write(&follower, &writers, behind).await;
    let windows = one_by_one.last().expect("events").window - behind.window;
    assert!(windows > 30 && one_by_one.len() > 40, "{windows} windows, {}", one_by_one.len());
    let is_late = |pair: &[Cursor]| pair[1].position < pair[0].position;
    assert!(one_by_one.windows(2).filter(|pair| is_late(pair)).count() > 5, "some commit late");
    for limit in [1, 3, 500] {
        let anew = harness.connect_with("application_name=anew").await;
        assert_eq!(read(&anew, behind, limit).await.0, one_by_one, "{limit} at once");
    }
}

#[tokio::test]
async fn windows_that_transactions_outlast_are_read_together_as_they_are_one_by_one() {
    check(&PgHarness::start().await, Cursor::default()).await;
}

#[tokio::test]
async fn windows_have_room_for_numbers_of_more_than_32_bits() {
    const BEFORE: i64 = i32::MAX as i64 - 20; // 32 bits end between windows that are read together.
    let harness = PgHarness::start().await;
    harness.control().batch_execute(INSERT).await.expect("nothing is in its way");
    let (first, through) = read(harness.store(), Cursor::default(), 10).await;
    assert_eq!((first.len(), through.window), (1, 1));
    let later = format!("UPDATE idp_tick SET id = id + {BEFORE}");
    harness.control().batch_execute(&later).await.expect("nobody holds it");
    check(&harness, Cursor { window: through.window + BEFORE, ..through }).await;
}
