//! Which files the store opens, and what it says of those that it does not.

mod harness;

use harness::{FileHarness, open_as_other};
use idp_application::{Error, ErrorKind, LaneCount, Migrate};
use idp_conformance::sample;
use idp_sqlite::{SqliteOptions, SqliteStore};
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

fn refused(path: &Path, options: SqliteOptions) -> Error {
    SqliteStore::open(path, options).expect_err("it should be refused")
}

fn with_lanes(lanes: u16) -> SqliteOptions {
    let lanes = LaneCount::new(lanes).expect("within the bounds");
    SqliteOptions { lanes, ..SqliteOptions::default() }
}

#[test]
fn wrong_settings_are_refused_before_the_file_is_made() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("none.db");
    let options = SqliteOptions {
        readers: 0,
        busy_timeout: Duration::from_secs(61),
        ..SqliteOptions::default()
    };
    let error = refused(&path, options);
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("readers"), "{error}");
    assert!(error.message().contains("busy_timeout"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn another_number_of_lanes_is_refused_and_the_right_one_named() {
    let harness = FileHarness::start().await;
    let error = refused(&harness.path, with_lanes(32));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("lanes must be 64"), "{error}");
    SqliteStore::open(&harness.path, with_lanes(64)).expect("that is the number of lanes");
}

#[tokio::test]
async fn a_store_that_was_open_before_the_tables_were_made_is_held_to_their_lanes() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("test.db");
    let first = SqliteStore::open(&path, with_lanes(64)).expect("a new file opens");
    let second = SqliteStore::open(&path, with_lanes(32)).expect("there are no tables yet");
    first.migrate(sample::TABLES).await.expect("a new file has no tables");
    let error = second.migrate(sample::TABLES).await.expect_err("the lanes are others");
    assert!(error.message().contains("lanes must be 64"), "{error}");
}

#[test]
fn a_file_of_another_application_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("other.db");
    open_as_other(&path).execute_batch("PRAGMA application_id = 7").expect("a header is written");
    let error = refused(&path, SqliteOptions::default());
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("another application"), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_build_is_refused() {
    let harness = FileHarness::start().await;
    open_as_other(&harness.path).execute_batch("PRAGMA user_version = 99").expect("it is written");
    let error = refused(&harness.path, SqliteOptions::default());
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("newer build"), "{error}");
}

#[tokio::test]
async fn a_file_of_an_older_build_is_refused() {
    let harness = FileHarness::start().await;
    open_as_other(&harness.path).execute_batch("PRAGMA user_version = 1").expect("it is written");
    let error = refused(&harness.path, SqliteOptions::default());
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("layout 1, made by an older build"), "{error}");
}

#[tokio::test]
async fn a_file_whose_framework_tables_differ_is_refused_and_the_difference_named() {
    let harness = FileHarness::start().await;
    let other = open_as_other(&harness.path);
    let as_before = "UPDATE idp_table SET definition = \
        replace(definition, 'side_sequence INTEGER', 'sideways INTEGER') WHERE name = 'idp_outbox'";
    assert_eq!(other.execute(as_before, []).expect("it is written"), 1);
    let store = SqliteStore::open(&harness.path, SqliteOptions::default()).expect("it opens");
    let error = store.migrate(sample::TABLES).await.expect_err("made by another build");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    for part in ["`idp_outbox` of the framework", "sideways INTEGER", "side_sequence INTEGER"] {
        assert!(error.message().contains(part), "{part} is missing in {error}");
    }
}

#[tokio::test]
async fn tables_that_the_framework_gained_are_made_in_a_file_from_before() {
    let harness = FileHarness::start().await;
    let other = open_as_other(&harness.path);
    let before = "DROP VIEW outbox_status; DELETE FROM idp_table WHERE name = 'outbox_status'";
    other.execute_batch(before).expect("nobody uses it");
    let store = SqliteStore::open(&harness.path, SqliteOptions::default()).expect("it opens");
    store.migrate(sample::TABLES).await.expect("it only lacks something");
    let rows: i64 = other
        .query_row("SELECT count(*) FROM outbox_status", [], |row| row.get(0))
        .expect("the view is there again");
    assert_eq!(rows, 0);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear Sir or Madam, ".repeat(100)).expect("it can be written");
    let error = refused(&path, SqliteOptions::default());
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("letter.txt"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let error = refused(&folder.path().join("no/such/test.db"), SqliteOptions::default());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("no/such/test.db"), "{error}");
}

#[test]
fn a_name_that_looks_like_a_uri_is_a_name() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("file:x?mode=memory");
    SqliteStore::open(&path, SqliteOptions::default()).expect("a new file opens");
    assert!(path.exists());
}

#[tokio::test]
async fn a_table_that_somebody_else_made_is_not_taken_over() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("test.db");
    open_as_other(&path).execute_batch("CREATE TABLE counter (n)").expect("it is made");
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("the file opens");
    let error = store.migrate(sample::TABLES).await.expect_err("the table is not ours");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("`counter`"), "{error}");
    let tables: i64 = open_as_other(&path)
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .expect("it can be read");
    assert_eq!(tables, 1, "the migration is undone as a whole");
}

/// Turning on the write-ahead log of a new file is a race that SQLite does not wait in by itself.
#[test]
fn many_can_open_a_new_file_at_the_same_time() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("test.db");
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    SqliteStore::open(&path, SqliteOptions::default()).expect("it opens");
                });
            }
        });
    }
}

#[tokio::test]
async fn the_last_store_to_close_leaves_one_file() {
    let harness = FileHarness::start().await;
    let (folder, path) = harness.close();
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    assert_eq!(left, [path]);
}
