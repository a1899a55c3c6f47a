//! A process that is killed while it writes: what it had committed is there and whole, and nothing
//! else is.
//!
//! The test starts itself as a child, which a variable of the environment tells what to do.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{Actor, Application, Context};
use idp_conformance::sample::{Counter, CounterId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_sqlite::{SqliteOptions, SqliteStore};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const CHILD: &str = "IDP_SQLITE_CRASH_CHILD";
const TASKS: u128 = 8;
/// Aggregates, and events, in a unit.
const PARTS: u128 = 3;
/// The child is killed when it has reported that many commits.
const REPORTS: usize = 200;

#[test]
fn what_a_killed_process_had_committed_is_whole_and_nothing_else_is_there() {
    if let Ok(path) = std::env::var(CHILD) {
        return write_forever(Path::new(&path));
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime needs nothing but threads");
    for _ in 0..3 {
        let harness = runtime.block_on(FileHarness::start());
        let (_folder, path) = harness.close();
        let reported = run_and_kill(&path);
        assert!(reported.len() >= REPORTS);
        // What was in the write-ahead log is found when the file is opened.
        SqliteStore::open(&path, SqliteOptions::default()).expect("the file opens again");
        assert_units_whole(&path, &reported);
    }
}

fn write_forever(path: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime needs nothing but threads");
    let store = SqliteStore::open(path, SqliteOptions::default()).expect("the file opens");
    let app = Application::new(Arc::new(store));
    let tasks: Vec<_> =
        (0..TASKS).map(|task| runtime.spawn(write_units(app.clone(), task))).collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("a task ends when the process is killed");
        }
    });
}

/// Commits unit after unit and reports the number of each when it is committed.
async fn write_units(app: Application, task: u128) {
    for number in (task..).step_by(usize::try_from(TASKS).expect("few tasks")) {
        let unit =
            app.begin(Context::new(TenantId::new("acme").expect("valid"), Actor::new("ann")));
        for part in 0..PARTS {
            let id = Uuid::from_u128(number * PARTS + part);
            let mut counter = Counter::new(CounterId::from_uuid(id));
            counter.count_on();
            unit.add(counter).expect("every identity is new");
        }
        unit.commit().await.expect("nothing is in its way");
        writeln!(std::io::stdout(), "committed {number}").expect("the parent listens");
    }
}

/// Lets a child write, kills it in the middle, and returns the units that it reported.
fn run_and_kill(path: &Path) -> BTreeSet<u128> {
    let this = std::env::current_exe().expect("a process knows its file");
    let test = "what_a_killed_process_had_committed_is_whole_and_nothing_else_is_there";
    let mut child: Child = Command::new(this)
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test can be started again");
    let output = BufReader::new(child.stdout.take().expect("its output is piped"));
    let mut reported = BTreeSet::new();
    for line in output.lines() {
        let line = line.expect("the child writes text");
        let Some((_, number)) = line.split_once("committed ") else { continue };
        // The last line may have been cut off.
        reported.extend(number.parse::<u128>());
        if reported.len() == REPORTS {
            child.kill().expect("the child runs");
        }
    }
    child.wait().expect("the child has ended");
    reported
}

fn assert_units_whole(path: &Path, reported: &BTreeSet<u128>) {
    let counters = parts_by_unit(path, "SELECT id FROM counter");
    let events = parts_by_unit(path, "SELECT aggregateid FROM idp_outbox ORDER BY position");
    for units in [&counters, &events] {
        let partial: Vec<_> = units.iter().filter(|(_, parts)| **parts != PARTS).collect();
        assert!(partial.is_empty(), "units in part: {partial:?}");
    }
    assert!(counters.keys().eq(events.keys()), "rows and events go together");
    let lost: Vec<_> = reported.iter().filter(|unit| !counters.contains_key(unit)).collect();
    assert!(lost.is_empty(), "units that were committed and are not there: {lost:?}");
}

/// How many parts there are of each unit.
fn parts_by_unit(path: &Path, sql: &str) -> BTreeMap<u128, u128> {
    let connection = open_as_other(path);
    let mut statement = connection.prepare(sql).expect("valid SQL");
    let ids = statement.query_map([], |row| row.get::<_, [u8; 16]>(0)).expect("it can be read");
    let mut units = BTreeMap::new();
    for id in ids {
        *units.entry(u128::from_be_bytes(id.expect("an identity")) / PARTS).or_default() += 1;
    }
    units
}
