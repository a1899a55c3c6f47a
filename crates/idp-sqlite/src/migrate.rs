//! Brings the tables to what this build needs, in one transaction.
//!
//! Each table of a record is kept on file with the statements that made it. A table whose entry
//! equals what this build would make is left alone; one that differs is refused: how to bring the old
//! rows to the new shape only its owner knows.

use crate::dialect::Sqlite;
use crate::error::translate;
use crate::file_header::{self, LAYOUT};
use crate::store::SqliteStore;
use idp_application::{BoxFuture, Error, ErrorKind, LaneCount, Migrate};
use idp_domain::TableSchema;
use idp_sql::table_ddl;
use rusqlite::{Connection, OptionalExtension, params};

/// The framework's own tables, as of [`LAYOUT`].
pub(crate) const FRAMEWORK: [&str; 5] = [
    include_str!("../sql/tables.sql"),
    include_str!("../sql/set_aside.sql"),
    include_str!("../sql/tenants.sql"),
    include_str!("../sql/log_keeping.sql"),
    include_str!("../sql/outbox_status.sql"),
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
    if file_header::layout(connection).map_err(failed)? != Some(LAYOUT) {
        for tables in FRAMEWORK {
            connection.execute_batch(tables).map_err(|e| cannot_make("of the framework", e))?;
        }
        file_header::mark(connection, lanes).map_err(failed)?;
    }
    tables.iter().try_for_each(|table| migrate_table(connection, table))
}

fn migrate_table(connection: &Connection, table: &TableSchema) -> Result<(), Error> {
    let failed = |e| translate("migrate", e);
    let wanted = table_ddl(&Sqlite, table).statements.join(";\n");
    let known: Option<String> =
        connection.query_row(KNOWN, [table.name], |row| row.get(0)).optional().map_err(failed)?;
    match known {
        Some(known) if known == wanted => Ok(()),
        Some(known) => Err(another_shape(table.name, &known, &wanted)),
        None => {
            connection.execute_batch(&wanted).map_err(|e| cannot_make(table.name, e))?;
            connection.execute(REMEMBER, params![table.name, wanted]).map_err(failed)?;
            Ok(())
        }
    }
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

fn another_shape(name: &str, known: &str, wanted: &str) -> Error {
    let differs = |one: &str, other: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|o| o == *line));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let message = format!(
        "table `{name}` has another shape than this build: it has [{}], this build wants [{}]; \
         bring it over by a migration of your own and update its row in idp_table",
        differs(known, wanted),
        differs(wanted, known)
    );
    Error::new(ErrorKind::Invalid, "migrate", message)
}
