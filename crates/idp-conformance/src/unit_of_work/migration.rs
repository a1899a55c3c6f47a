//! Migrating: what is missing is made, what is there is kept, what does not fit is refused.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{ann, application, count_of, given_counter};
use crate::sample::{Counter, TABLES};
use idp_application::{Backend, RowQuery, Scope};
use idp_domain::{Column, Kind, Record, TableKind, TableSchema};

clauses! {
    macro unit_of_work_migration of unit_of_work::migration;
    migrating_again_changes_nothing,
    two_processes_can_migrate_at_once,
    a_table_of_another_shape_is_refused,
    a_migration_that_is_refused_makes_no_table,
    a_table_that_was_never_made_is_an_error,
}

const ID: Column = column("id", Kind::Uuid, false);
const NAME: Column = column("name", Kind::Text, true);
const COUNT: Column = column("count", Kind::Int, false);

const fn column(name: &'static str, kind: Kind, nullable: bool) -> Column {
    Column { name, kind, nullable }
}

/// A table that no harness makes.
static LATE: TableSchema = TableSchema {
    name: "late",
    kind: TableKind::Aggregate,
    columns: &[ID, column("word", Kind::Text, false)],
    key: 0,
    soft_delete: true,
    audit: true,
    unique: &[&[1]],
    indexes: &[&[1, 0]],
};

const fn counter_with(columns: &'static [Column]) -> TableSchema {
    TableSchema {
        name: "counter",
        kind: TableKind::Aggregate,
        columns,
        key: 0,
        soft_delete: false,
        audit: false,
        unique: &[&[1]],
        indexes: &[],
    }
}

/// The counter with a column more, with one less, with another kind, with a null forbidden, and
/// with one renamed.
static OTHER_SHAPES: [TableSchema; 5] = [
    counter_with(&[ID, NAME, COUNT, column("unit", Kind::Text, true)]),
    counter_with(&[ID, NAME]),
    counter_with(&[ID, NAME, column("count", Kind::Text, false)]),
    counter_with(&[ID, column("name", Kind::Text, false), COUNT]),
    counter_with(&[ID, NAME, column("total", Kind::Int, false)]),
];

/// Not the rows either.
pub async fn migrating_again_changes_nothing<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let id = given_counter(&app, &ann(), 1).await;
    harness.backend().migrate(TABLES).await.expect("there is nothing to do");
    harness.second_process().await.migrate(TABLES).await.expect("there is nothing to do");
    assert_eq!(count_of(&app, &ann(), id).await, (0, 1));
}

/// As when two instances of a service start together.
pub async fn two_processes_can_migrate_at_once<H: Harness>(harness: H) {
    let processes = [harness.backend(), harness.second_process().await];
    let tasks =
        processes.map(|process| tokio::spawn(async move { process.migrate(&[&LATE]).await }));
    for task in tasks {
        task.await.expect("no panic").expect("one makes the table, the other finds it");
    }
    assert_eq!(late_rows(&*harness.backend()).await, Some(0));
}

/// The message names the table; nothing is changed.
pub async fn a_table_of_another_shape_is_refused<H: Harness>(harness: H) {
    let (backend, app) = (harness.backend(), application(&harness.backend()));
    let id = given_counter(&app, &ann(), 1).await;
    for shape in &OTHER_SHAPES {
        let refused = backend.migrate(&[shape]).await;
        let error = refused.expect_err("the table has another shape");
        assert!(error.message().contains("`counter`"), "{error} does not name the table");
    }
    backend.migrate(&[Counter::SCHEMA]).await.expect("the shape that it has");
    assert_eq!(count_of(&app, &ann(), id).await, (0, 1));
}

/// Not even those that would fit.
pub async fn a_migration_that_is_refused_makes_no_table<H: Harness>(harness: H) {
    let backend = harness.backend();
    backend.migrate(&[&LATE, &OTHER_SHAPES[0]]).await.expect_err("one of them does not fit");
    assert_eq!(late_rows(&*backend).await, None);
    backend.migrate(&[&LATE]).await.expect("this one fits");
    assert_eq!(late_rows(&*backend).await, Some(0));
}

/// And no reason to be unusable afterwards.
pub async fn a_table_that_was_never_made_is_an_error<H: Harness>(harness: H) {
    let (backend, app) = (harness.backend(), application(&harness.backend()));
    for _ in 0..20 {
        assert_eq!(late_rows(&*backend).await, None);
    }
    let id = given_counter(&app, &ann(), 1).await;
    assert_eq!(count_of(&app, &ann(), id).await, (0, 1));
}

/// How many rows the late table has; `None` when it cannot be read.
async fn late_rows(backend: &dyn Backend) -> Option<usize> {
    let query = RowQuery::all(&LATE, Scope::Tenant(ann().tenant().clone()));
    let fetched = backend.fetch(query).await.ok()?;
    Some(fetched.rows.len())
}
