//! Units of work that commit at the same time share a transaction, and nothing else.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{Actor, Application, Context, Error, ErrorKind};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_sqlite::SqliteOptions;
use std::path::Path;

fn ann() -> Context {
    Context::new(TenantId::new("acme").expect("valid"), Actor::new("ann"))
}

fn counter(number: u128, name: &str) -> Counter {
    let mut counter = Counter::new(CounterId::from_uuid(Uuid::from_u128(number)));
    counter.name = Some(name.into());
    counter.count_on();
    counter
}

async fn add(app: Application, counters: Vec<Counter>) -> Result<(), Error> {
    let unit = app.begin(ann());
    counters.into_iter().try_for_each(|counter| unit.add(counter))?;
    unit.commit().await.map(drop)
}

/// The transactions in the write-ahead log: its frames that end one (SQLite, *WAL-mode File Format*,
/// section 2). Frames of an earlier round of the log have another salt.
fn transactions_in_log(path: &Path) -> usize {
    let log = std::fs::read(path.with_extension("db-wal")).expect("there is a write-ahead log");
    let (header, frames) = log.split_at(32);
    let page_size = u32::from_be_bytes(header[8..12].try_into().expect("four bytes"));
    let frame_size = 24 + usize::try_from(page_size).expect("pages are small");
    let ends_one = |frame: &&[u8]| frame[8..16] == header[16..24] && frame[4..8] != [0; 4];
    frames.chunks_exact(frame_size).filter(ends_one).count()
}

/// Commits twenty units that have to wait for another writer, of which one fails on its second row.
/// Returns the number of transactions it took.
async fn commit_twenty(harness: &FileHarness) -> usize {
    let app = Application::new(harness.store.clone());
    add(app.clone(), vec![counter(0, "taken")]).await.expect("the name is free");
    let before = transactions_in_log(&harness.path);
    let other = open_as_other(&harness.path);
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let units = (1..=20).map(|number| {
        let mut counters = vec![counter(number, &format!("counter {number}"))];
        if number == 13 {
            counters.push(counter(113, "taken"));
        }
        tokio::spawn(add(app.clone(), counters))
    });
    let units: Vec<_> = units.collect();
    // On a runtime of one thread all of them hand over their unit before this goes on.
    tokio::task::yield_now().await;
    other.execute_batch("ROLLBACK").expect("a transaction is open");
    for (number, unit) in (1..).zip(units) {
        let result = unit.await.expect("no task panics");
        match number {
            13 => {
                let error = result.expect_err("the name is taken");
                assert_eq!(error.kind(), ErrorKind::Duplicate);
            }
            _ => result.expect("nothing is in its way"),
        }
    }
    transactions_in_log(&harness.path) - before
}

fn rows(path: &Path, table: &str) -> i64 {
    open_as_other(path)
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
        .expect("it can be read")
}

#[tokio::test]
async fn a_unit_that_fails_among_twenty_fails_alone() {
    let harness = FileHarness::start().await;
    let transactions = commit_twenty(&harness).await;
    // The first may be on its way before the others come.
    assert!((1..=2).contains(&transactions), "{transactions} transactions");
    assert_eq!(rows(&harness.path, "counter"), 20);
    assert_eq!(rows(&harness.path, "idp_outbox"), 20);
}

#[tokio::test]
async fn without_groups_each_unit_has_its_transaction() {
    let options = SqliteOptions { group_max: 1, ..SqliteOptions::default() };
    let harness = FileHarness::start_with(options).await;
    assert_eq!(commit_twenty(&harness).await, 19);
    assert_eq!(rows(&harness.path, "counter"), 20);
}

#[tokio::test]
async fn positions_have_no_order_but_that_of_commits() {
    let harness = FileHarness::start().await;
    commit_twenty(&harness).await;
    let other = open_as_other(&harness.path);
    let mut statement =
        other.prepare("SELECT position FROM idp_outbox ORDER BY position").expect("valid SQL");
    let positions = statement.query_map([], |row| row.get(0)).expect("it can be read");
    let positions: Vec<i64> = positions.collect::<Result<_, _>>().expect("numbers");
    // The unit that failed took its position back.
    assert_eq!(positions, (1..=20).collect::<Vec<_>>());
}
