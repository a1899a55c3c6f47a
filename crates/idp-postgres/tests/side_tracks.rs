//! What is particular to side tracks and dead letters on PostgreSQL: round trips, probes, locks; the
//! rest is in the conformance suite.

mod courier;
mod harness;

use courier::{Courier, LONG, count, key, refused};
use harness::PgHarness;
use idp_application::{
    AsideReason, DeadLetterAction, DeadLetters, Deliveries, ErrorKind, LaneLease, LaneRecord,
    Settlement, Sharding,
};
use idp_domain::Timestamp;
use idp_testkit::Proxy;

fn at_once() -> Option<AsideReason> {
    Some(AsideReason::Scheduled(Timestamp::UNIX_EPOCH))
}

#[tokio::test]
async fn each_step_is_one_round_trip() {
    let harness = PgHarness::start().await;
    let proxy = Proxy::to(harness.address()).await.expect("a free port");
    let store = harness.connect_through(proxy.address().port()).await;
    count(&harness, &[1, 2, 1, 2, 3, 3]).await;
    let mut courier = Courier::start(&store, Sharding::Whole).await;
    let mut counts = Vec::new();
    for _ in 0..2 {
        // The first time, the statements are prepared.
        let aside = courier.sort(&[refused("no"), at_once(), None]).await;
        let plain: Vec<LaneRecord> = aside
            .iter()
            .map(|record| LaneRecord { progress: record.progress, aside: vec![] })
            .collect();
        counts.clear();
        let mut before = proxy.round_trips();
        let mut count = || {
            let now = proxy.round_trips();
            counts.push(now - before);
            before = now;
        };
        store.record(&courier.reader, &aside, LONG).await.expect("recorded");
        count();
        store.record(&courier.reader, &plain, LONG).await.expect("recorded");
        count();
        let due = store.due(&courier.reader, &courier.leases, 10).await.expect("asked");
        count();
        let batch = &due.batches[0];
        let lane = batch.lane;
        let epoch = courier.leases[0].epoch;
        let through = batch.entries[0].sequence;
        let settlement = Settlement { lane, epoch, through, refused: None };
        let _ = store.settle(&courier.reader, &settlement).await.expect("settled");
        count();
        store.blocked(&courier.reader, &[lane]).await.expect("read");
        count();
        let parked = store.parked(&courier.reader.name, None, None, 1).await.expect("listed");
        count();
        let (number, revision) = (parked[0].key.aggregate_id.as_u128(), parked[0].revision);
        let discard = courier.command_about(number, revision, DeadLetterAction::DiscardKey);
        store.command(&courier.reader.name, &discard).await.expect("it can be done");
        count();
    }
    assert_eq!(counts, [1; 7]);
}

/// Scans of the table of what is set aside, by index and in sequence, and the rows fetched by index.
#[derive(Debug, PartialEq)]
struct Scans {
    by_index: i64,
    in_sequence: i64,
    rows: i64,
}

/// What one statement costs. It is done, and then undone.
async fn scans_of(harness: &PgHarness, statements: &[String]) -> Scans {
    const SCANS: &str = "
        SELECT coalesce(idx_scan, 0), coalesce(seq_scan, 0), coalesce(idx_tup_fetch, 0)
          FROM pg_stat_xact_user_tables
         WHERE relname = 'idp_set_aside' AND schemaname = current_schema()";
    let client = harness.another_control().await;
    client.batch_execute("BEGIN").await.expect("begun");
    for statement in statements {
        client.batch_execute(statement).await.expect(statement);
    }
    let row = client.query_one(SCANS, &[]).await.expect("counted");
    client.batch_execute("ROLLBACK").await.expect("ended");
    Scans { by_index: row.get(0), in_sequence: row.get(1), rows: row.get(2) }
}

/// Asks for a hundred events that are due, in all lanes of the worker.
fn due_of(courier: &Courier) -> String {
    let list = |numbers: Vec<String>| numbers.join(",");
    let lanes = list(courier.leases.iter().map(|l| l.lane.number().to_string()).collect());
    let epochs = list(courier.leases.iter().map(|l| l.epoch.to_string()).collect());
    let reader = &courier.reader.name;
    format!("SELECT * FROM idp_due('{reader}', '{{{lanes}}}', '{{{epochs}}}', 100)")
}

/// What it costs to ask for what is due.
async fn scans_of_due(harness: &PgHarness, courier: &Courier) -> Scans {
    scans_of(harness, &[due_of(courier)]).await
}

#[tokio::test]
async fn with_nothing_set_aside_due_is_one_probe_of_an_index() {
    let harness = PgHarness::start().await;
    count(&harness, &[1]).await;
    let mut courier = Courier::start(harness.store(), Sharding::ByLane).await;
    assert_eq!(courier.leases.len(), 64);
    let one_probe = Scans { by_index: 1, in_sequence: 0, rows: 0 };
    assert_eq!(scans_of_due(&harness, &courier).await, one_probe);
    courier.take(&[None]).await;
    let parked = "
        UPDATE idp_set_aside SET reason = 'behind', due_at = NULL, deliver_at = NULL
         WHERE reader = 'ByLane'";
    many(&harness, "n % 64", "gen_random_uuid()", "now()").await;
    harness.control().batch_execute(parked).await.expect("parked");
    harness.control().batch_execute("VACUUM idp_set_aside").await.expect("vacuumed");
    let parked = scans_of_due(&harness, &courier).await;
    assert_eq!(parked, one_probe, "what waits for an operator costs nothing either");
}

/// Sets 20,000 events aside: the nth in that lane, of that aggregate, due from then on.
async fn many(harness: &PgHarness, lane: &str, aggregate: &str, due_at: &str) {
    let sql = format!(
        "INSERT INTO idp_set_aside
           (reader, lane, sequence, id, tenant_id, aggregatetype, aggregateid, aggregate_version,
            type, schema_id, schema_version, payload, metadata, content_hash, occurred_at, reason,
            deliver_at, due_at)
         SELECT 'ByLane', {lane}, n, gen_random_uuid(), 'acme', 'counter', {aggregate}, n, 'x', 'x',
                1, '{{}}', '{{}}', 'sha256:' || repeat('0', 64), now(), 'scheduled', {due_at},
                {due_at}
           FROM generate_series(1, 20000) AS n"
    );
    harness.control().batch_execute(&sql).await.expect("inserted");
}

#[tokio::test]
async fn what_is_scheduled_for_later_is_not_read_again_and_again() {
    let harness = PgHarness::start().await;
    let courier = Courier::start(harness.store(), Sharding::ByLane).await;
    many(&harness, "n % 64", "gen_random_uuid()", "now() + n * interval '1 hour'").await;
    let Scans { by_index, in_sequence, rows } = scans_of_due(&harness, &courier).await;
    assert_eq!(in_sequence, 0);
    assert!(by_index <= 1 + 2 * 64, "two probes a lane: {by_index}");
    assert!(rows <= 1 + 2 * 64, "a row each: {rows}");
    let due = courier.store.due(&courier.reader, &courier.leases, 10).await.expect("asked");
    assert!(due.batches.is_empty() && due.next.is_some(), "{due:?}");
}

#[tokio::test]
async fn a_long_backlog_costs_no_more_than_what_is_given_of_it() {
    const SETTLE: &str = "
        SELECT idp_settle(reader, lane, epoch, 20, 21, 'no') FROM idp_reader_lane
         WHERE reader = 'ByLane' AND lane < 3";
    const RESUME: &str = "
        SELECT idp_command(reader, tenant_id, aggregateid, revision, 'resume', NULL, NULL, NULL,
                           NULL, 'ann', 'why not') FROM idp_parked_key LIMIT 1";
    for aggregate in ["gen_random_uuid()", "md5((n / 100)::text)::uuid"] {
        let harness = PgHarness::start().await;
        let mut courier = Courier::start(harness.store(), Sharding::ByLane).await;
        courier.leases.truncate(3);
        many(&harness, "n % 3", aggregate, "now() - n * interval '1 microsecond'").await;
        let statements = [due_of(&courier), SETTLE.into(), RESUME.into()];
        for _ in 0..3 {
            for count in 1..=statements.len() {
                let scans = scans_of(&harness, &statements[..count]).await;
                assert_eq!(scans.in_sequence, 0);
                assert!(scans.rows < 2_500, "{aggregate}, {count} statements: {scans:?}");
            }
            harness.control().batch_execute("ANALYZE idp_set_aside").await.expect("analyzed");
        }
    }
}

#[tokio::test]
async fn however_much_a_paused_tenant_has_the_others_are_found_behind_it() {
    const PAUSE: &str = "INSERT INTO idp_tenant_policy (reader, tenant_id, is_paused, weight)
         VALUES ('ByLane', 'acme', true, 1)";
    const ANOTHER: &str =
        "UPDATE idp_set_aside SET tenant_id = 'globex' WHERE sequence IN (1, 19999)";
    let harness = PgHarness::start().await;
    let mut courier = Courier::start(harness.store(), Sharding::ByLane).await;
    courier.leases.truncate(3);
    many(&harness, "n % 3", "gen_random_uuid()", "now() - (30000 - n) * interval '1 second'").await;
    harness.control().batch_execute(PAUSE).await.expect("paused");
    for _ in 0..2 {
        let scans = scans_of_due(&harness, &courier).await;
        assert_eq!(scans.in_sequence, 0);
        assert!(scans.rows < 1_000, "the paused tenant alone: {scans:?}");
        harness.control().batch_execute("ANALYZE idp_set_aside").await.expect("analyzed");
    }
    let none = courier.store.due(&courier.reader, &courier.leases, 10).await.expect("asked");
    assert!(none.batches.is_empty() && none.next.is_none(), "{none:?}");
    harness.control().batch_execute(ANOTHER).await.expect("changed");
    let scans = scans_of_due(&harness, &courier).await;
    assert!(scans.rows < 1_500, "one of another tenant in front, and one behind it: {scans:?}");
    let due = courier.store.due(&courier.reader, &courier.leases, 10).await.expect("asked");
    let tenants = due.batches.iter().flat_map(|batch| &batch.entries);
    let tenants: Vec<_> = tenants.map(|entry| entry.envelope.tenant.as_str()).collect();
    assert_eq!(tenants, ["globex", "globex"]);
}

#[tokio::test]
async fn a_lane_with_much_keeps_no_other_waiting() {
    let harness = PgHarness::start().await;
    let numbers: Vec<u128> = (0..40).map(|n| if n < 30 { 1 } else { 2 + n % 2 }).collect();
    count(&harness, &numbers).await;
    let mut courier = Courier::start(harness.store(), Sharding::ByLane).await;
    courier.take(&vec![at_once(); 40]).await;
    let due = courier.store.due(&courier.reader, &courier.leases, 9).await.expect("asked");
    let sizes: Vec<usize> = due.batches.iter().map(|batch| batch.entries.len()).collect();
    assert_eq!(sizes, [3, 3, 3]);
}

#[tokio::test]
async fn records_cannot_be_changed_or_removed() {
    let harness = PgHarness::start().await;
    count(&harness, &[1]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[refused("no")]).await;
    courier.command(1, DeadLetterAction::DiscardKey).await;
    for table in ["idp_dead_letter_record", "idp_dead_letter_event"] {
        for statement in [
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
            match table {
                "idp_dead_letter_record" => format!("UPDATE {table} SET actor = 'eve'"),
                _ => format!("UPDATE {table} SET event_id = gen_random_uuid()"),
            },
        ] {
            let error = harness.control().batch_execute(&statement).await.expect_err(&statement);
            let detail = error.as_db_error().expect("the server refuses");
            assert_eq!(detail.message(), "records of dead letters are kept as they are");
        }
    }
    let records = courier.store.records(&courier.reader.name, 10).await.expect("read");
    assert_eq!((records.len(), records[0].actor.as_str()), (1, "ann"));
}

#[tokio::test]
async fn an_error_of_a_bus_with_a_zero_in_it_can_be_recorded() {
    let harness = PgHarness::start().await;
    count(&harness, &[1]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[refused("a\0b")]).await;
    let reader = &courier.reader.name;
    let parked = courier.store.parked(reader, None, None, 1).await.expect("listed");
    assert_eq!(parked[0].last_error, "a\u{fffd}b");
    courier.command(1, DeadLetterAction::Resume).await;
    assert_eq!(courier.due().await, 1);
    let LaneLease { lane, epoch, .. } = courier.leases[0];
    let refused = Some((1, "c\0".to_owned()));
    let settlement = Settlement { lane, epoch, through: 0, refused };
    let _ = courier.store.settle(&courier.reader, &settlement).await.expect("settled");
    let parked = courier.store.parked(reader, None, None, 1).await.expect("listed");
    assert_eq!(parked[0].last_error, "c\u{fffd}");
}

/// An operator's command waits for a worker that is at the lane, and sees what it did.
#[tokio::test]
async fn a_command_that_waited_for_the_lane_sees_what_happened_meanwhile() {
    let harness = PgHarness::start().await;
    count(&harness, &[1, 1]).await;
    let mut courier = Courier::start(harness.store(), Sharding::Whole).await;
    courier.take(&[refused("no")]).await;
    let reader = courier.reader.name.clone();
    let parked = courier.store.parked(&reader, None, None, 1).await.expect("listed");
    let discard = courier.command_about(1, parked[0].revision, DeadLetterAction::DiscardKey);

    let worker = harness.another_control().await;
    worker
        .batch_execute("BEGIN; SELECT 1 FROM idp_reader_lane FOR UPDATE")
        .await
        .expect("the lane is free");
    let store = courier.store.clone();
    let waiting = tokio::spawn(async move { store.command(&reader, &discard).await });
    harness.wait_until_a_lock_is_waited_for().await;
    worker
        .batch_execute(
            "UPDATE idp_parked_key SET revision = nextval('idp_parked_key_revision'); COMMIT",
        )
        .await
        .expect("it holds the lane");
    let error = waiting.await.expect("no panic").expect_err("the key has another revision");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(courier.store.events(&courier.reader.name, &key(1)).await.expect("listed").len(), 1);
}

/// Also when the database would rather have its transactions otherwise.
#[tokio::test]
async fn every_statement_of_a_step_sees_what_was_committed_before_it() {
    let harness = PgHarness::start().await;
    let store = harness.connect_with("default_transaction_isolation=serializable").await;
    count(&harness, &[1, 1]).await;
    let mut courier = Courier::start(&store, Sharding::Whole).await;
    courier.take(&[refused("no")]).await;
    let behind = courier.sort(&[Some(AsideReason::Behind)]).await;

    let operator = harness.another_control().await;
    operator
        .batch_execute("BEGIN; SELECT 1 FROM idp_reader_lane FOR UPDATE")
        .await
        .expect("the lane is free");
    let (reader, at_work) = (courier.reader.clone(), store.clone());
    let waiting = tokio::spawn(async move { at_work.record(&reader, &behind, LONG).await });
    harness.wait_until_a_lock_is_waited_for().await;
    operator
        .batch_execute(
            "UPDATE idp_parked_key SET state = 'resumed'; \
             UPDATE idp_set_aside SET due_at = '-infinity'; COMMIT",
        )
        .await
        .expect("it holds the lane");
    waiting.await.expect("no panic").expect("recorded");
    assert_eq!(courier.due().await, 2, "the key was resumed before");
}
