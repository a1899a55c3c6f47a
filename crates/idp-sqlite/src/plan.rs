//! How SQLite runs a statement, for the tests that hold statements to one seek.

use rusqlite::Connection;

/// Fails unless the one step about what is set aside is a seek in that index. The index is given as
/// SQLite prints it, with the columns that it seeks by, or a part of that.
#[track_caller]
pub(crate) fn assert_seek(sql: &str, index: &str) {
    let connection = Connection::open_in_memory().expect("memory opens");
    for (_, tables) in crate::migrate::FRAMEWORK {
        connection.execute_batch(tables).expect("the tables are made");
    }
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it can be planned");
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    let steps: Vec<String> = steps.map(|step| step.expect("a step")).collect();
    let about: Vec<_> = steps
        .iter()
        .filter(|step| step.starts_with("SEARCH") || step.starts_with("SCAN"))
        .filter(|step| step.contains("idp_set_aside") || step.contains(" a "))
        .collect();
    let is_seek = |step: &String| step.starts_with("SEARCH") && step.contains(index);
    assert!(about.len() == 1 && is_seek(about[0]), "{sql}\nis not one seek by {index}: {steps:#?}");
}
