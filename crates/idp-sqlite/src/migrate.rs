//! Brings the tables to what this build needs, in one transaction.
//!
//! All tables are kept on file with the statements that made them. A table whose entry equals what
//! this build would make is left alone, one that is missing is made, and one that differs is refused:
//! how to bring the old rows to the new shape only its owner knows.

use crate::dialect::Sqlite;
use crate::error::translate;
use crate::file_header;
use crate::store::SqliteStore;
use idp_application::{BoxFuture, Error, ErrorKind, LaneCount, Migrate};
use idp_domain::TableSchema;
use idp_sql::table_ddl;
use rusqlite::{Connection, OptionalExtension, params};

/// What the other tables were made with.
pub(crate) const RECORDS: &str = "CREATE TABLE IF NOT EXISTS idp_table (
  name TEXT PRIMARY KEY,
  definition TEXT NOT NULL
) STRICT, WITHOUT ROWID";

/// The framework's own tables, by the names of their entries.
pub(crate) const FRAMEWORK: [(&str, &str); 5] = [
    ("idp_outbox", include_str!("../sql/tables.sql")),
    ("idp_set_aside", include_str!("../sql/set_aside.sql")),
    ("idp_tenants", include_str!("../sql/tenants.sql")),
    ("idp_log_keeping", include_str!("../sql/log_keeping.sql")),
    ("outbox_status", include_str!("../sql/outbox_status.sql")),
];

const KNOWN: &str = "SELECT definition FROM idp_table WHERE name = ?1";

const REMEMBER: &str = "INSERT INTO idp_table (name, definition) VALUES (?1, ?2)";

impl Migrate for SqliteStore {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        let (tables, lanes) = (tables.to_vec(), self.lanes);
        Box::pin(self.writer.run("migrate", move |connection| migrate(connection, &tables, lanes)))
    }
}

fn migrate(
    connection: &Connection,
    tables: &[&'static TableSchema],
    lanes: LaneCount,
) -> Result<(), Error> {
    let failed = |e| translate("migrate", e);
    file_header::check(connection, lanes)?;
    connection.execute_batch(RECORDS).map_err(failed)?;
    for (name, statements) in FRAMEWORK {
        migrate_table(connection, name, &without_comments(statements), of_another_build)?;
    }
    if file_header::is_new(connection).map_err(failed)? {
        file_header::mark(connection, lanes).map_err(failed)?;
    }
    tables.iter().try_for_each(|table| {
        let wanted = table_ddl(&Sqlite, table).statements.join(";\n");
        migrate_table(connection, table.name, &wanted, another_shape)
    })
}

/// Makes what is missing; `differs` says what is wrong with what was made otherwise.
fn migrate_table(
    connection: &Connection,
    name: &str,
    wanted: &str,
    differs: impl Fn(&str, &Difference) -> Error,
) -> Result<(), Error> {
    let failed = |e| translate("migrate", e);
    let known: Option<String> =
        connection.query_row(KNOWN, [name], |row| row.get(0)).optional().map_err(failed)?;
    match known {
        Some(known) if known == wanted => Ok(()),
        Some(known) => Err(differs(name, &Difference::of(&known, wanted))),
        None => {
            connection.execute_batch(wanted).map_err(|e| cannot_make(name, e))?;
            connection.execute(REMEMBER, params![name, wanted]).map_err(failed)?;
            Ok(())
        }
    }
}

/// A comment that is worded better makes no other table.
fn without_comments(statements: &str) -> String {
    let lines = statements.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// The error for a table that SQLite does not make, as when another of that name is there.
fn cannot_make(name: &str, error: rusqlite::Error) -> Error {
    let translated = translate("migrate", error);
    if translated.kind() != ErrorKind::Unsupported {
        return translated;
    }
    let reason = std::error::Error::source(&translated).map_or(String::new(), ToString::to_string);
    let message = format!("the table `{name}` cannot be made: {reason}");
    Error::new(ErrorKind::Invalid, "migrate", message).with_source(translated)
}

/// The lines in which two definitions differ.
struct Difference {
    known: String,
    wanted: String,
}

impl Difference {
    fn of(known: &str, wanted: &str) -> Self {
        let only = |one: &str, other: &str| {
            let lines = one.lines().filter(|line| !other.lines().any(|o| o == *line));
            lines.map(str::trim).collect::<Vec<_>>().join(" ")
        };
        Self { known: only(known, wanted), wanted: only(wanted, known) }
    }
}

fn another_shape(name: &str, Difference { known, wanted }: &Difference) -> Error {
    let message = format!(
        "table `{name}` has another shape than this build: it has [{known}], this build wants \
         [{wanted}]; bring it over by a migration of your own and update its row in idp_table"
    );
    Error::new(ErrorKind::Invalid, "migrate", message)
}

fn of_another_build(name: &str, Difference { known, wanted }: &Difference) -> Error {
    let message = format!(
        "`{name}` of the framework has another shape than this build: the file has [{known}], this \
         build wants [{wanted}]; let the build that made the file drain it, and begin a new one"
    );
    Error::new(ErrorKind::Invalid, "migrate", message)
}
