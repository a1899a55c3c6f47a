//! What is particular to lag on PostgreSQL: who holds things up, and counting while somebody does. The
//! rest is in the conformance suite.

mod harness;

use harness::PgHarness;
use idp_application::{
    Actor, Application, Blocker, BlockerKind, Claim, Context, LagBounds, LagReport, LaneLease,
    LaneProgress, LogLag, OutboxLog, Reader, Sharding, WorkerId,
};
use idp_conformance::Harness;
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use std::time::Duration;
use tokio_postgres::Client;

const LONG: Duration = Duration::from_secs(3_600);

/// Other tests use the server, too, and may hold up more than is usually told.
const BOUNDS: LagBounds = LagBounds { events_max: 10_000, blockers_max: 10_000 };

async fn report(harness: &PgHarness, bounds: LagBounds) -> LagReport {
    harness.store().lag(&bounds).await.expect("one can look at the lag")
}

async fn blocker(harness: &PgHarness, is_it: impl Fn(&Blocker) -> bool) -> Option<Blocker> {
    report(harness, BOUNDS).await.blockers.into_iter().find(is_it)
}

/// The process of a session that has begun a transaction and done this in it, and nothing else.
async fn begin(session: &Client, what: &str) -> i32 {
    let pid = session.query_one("SELECT pg_backend_pid()", &[]).await.expect("it has a process");
    session.batch_execute(&format!("BEGIN; {what}")).await.expect("a transaction begins");
    pid.get(0)
}

#[tokio::test]
async fn a_transaction_that_has_written_is_named_with_its_process_and_age() {
    let harness = PgHarness::start().await;
    let session = harness.another_control().await;
    let pid = begin(&session, "SELECT pg_current_xact_id()").await;
    let of_session =
        |blocker: &Blocker| blocker.kind == BlockerKind::Transaction && blocker.pid == Some(pid);
    let told = report(&harness, BOUNDS).await;
    let blocker = told.blockers.iter().find(|blocker| of_session(blocker)).expect("it is told");
    assert!(blocker.holds_windows && blocker.holds_vacuum && !blocker.holds_purge);
    let first = told.age(blocker.since.expect("it began at some time"));
    let later = report(&harness, BOUNDS).await;
    assert!(first < LONG && later.age(blocker.since.expect("known")) > first, "it grows old");
    session.batch_execute("COMMIT").await.expect("it ends");
    assert_eq!(self::blocker(&harness, of_session).await, None);
}

#[tokio::test]
async fn a_transaction_that_only_reads_holds_the_vacuum_and_no_window() {
    let harness = PgHarness::start().await;
    let session = harness.another_control().await;
    let pid = begin(&session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
    let blocker = blocker(&harness, |blocker| blocker.pid == Some(pid)).await.expect("told");
    assert!(blocker.holds_vacuum && !blocker.holds_windows);
}

#[tokio::test]
async fn a_session_that_holds_nothing_is_not_told() {
    let harness = PgHarness::start().await;
    let session = harness.another_control().await;
    let pid = begin(&session, "").await;
    assert_eq!(blocker(&harness, |blocker| blocker.pid == Some(pid)).await, None);
}

#[tokio::test]
async fn a_replication_slot_is_named_with_what_the_server_keeps_for_it() {
    const MAKE: &str = "SELECT pg_create_physical_replication_slot($1, true)";
    const MORE: &str = "SELECT pg_switch_wal(), pg_current_xact_id()";
    const DROP: &str = "SELECT pg_drop_replication_slot($1)";
    let harness = PgHarness::start().await;
    let name = format!("lag_{}", std::process::id());
    harness.control().query(MAKE, &[&name]).await.expect("the server has room for a slot");
    let slot = |blocker: &Blocker| blocker.name == name;
    let before = blocker(&harness, slot).await.expect("it is told").bytes.expect("it keeps");
    harness.control().query(MORE, &[]).await.expect("the log goes on");
    let told = blocker(&harness, slot).await.expect("it is told");
    harness.control().query(DROP, &[&name]).await.expect("it is there");
    assert_eq!((told.kind, told.pid, told.since), (BlockerKind::ReplicationSlot, None, None));
    assert!(told.bytes.expect("it keeps") > before, "{told:?}");
    assert_eq!(blocker(&harness, slot).await, None);
}

/// A new counter with so many events.
async fn count(app: &Application, number: u128, events: u32) {
    let tenant = TenantId::new("acme").expect("a valid name");
    let unit = app.begin(Context::new(tenant, Actor::new("ann")));
    let mut counter = Counter::new(CounterId::from_uuid(Uuid::from_u128(number)));
    (0..events).for_each(|_| counter.count_on());
    unit.add(counter).expect("new");
    unit.commit().await.expect("written");
}

/// Reads all there is and records it.
async fn pass(harness: &PgHarness, reader: &Reader, lease: &mut LaneLease) {
    loop {
        let batches = harness.store().read(&[*lease], 1_000).await.expect("read");
        let Some(batch) = batches.into_iter().next() else { break };
        lease.cursor = batch.through;
        lease.sequence += i64::try_from(batch.events.len()).expect("few");
    }
    let LaneLease { lane, epoch, cursor, sequence } = *lease;
    let progress = LaneProgress { lane, epoch, cursor, sequence };
    harness.store().advance(reader, &[progress], LONG).await.expect("recorded");
}

/// What was committed since it began and is passed must not use up what may be looked at.
#[tokio::test]
async fn an_old_transaction_does_not_hide_how_far_a_reader_is_behind() {
    let harness = PgHarness::start().await;
    let app = Application::new(harness.backend());
    let reader = Reader { name: "board".into(), sharding: Sharding::Whole };
    let worker = WorkerId(Uuid::from_u128(1));
    harness.store().join(&reader, worker, LONG).await.expect("joined");
    let claim = Claim { worker, lanes_max: 1, lease_ttl: LONG };
    let mut lease = harness.store().claim(&reader, claim).await.expect("claimed")[0];
    let session = harness.another_control().await;
    begin(&session, "SELECT pg_current_xact_id()").await;
    count(&app, 1, 50).await;
    pass(&harness, &reader, &mut lease).await;
    count(&app, 2, 3).await;
    let few = LagBounds { events_max: 5, ..BOUNDS };
    let lag = report(&harness, few).await.readers.remove(0);
    assert_eq!(lag.lags.iter().map(|lag| lag.events).sum::<u64>(), 3, "{lag:?}");
    assert!(lag.is_complete);
}
