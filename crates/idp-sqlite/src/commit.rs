//! A change set as statements: the rows in the given order, the events last.
//!
//! The texts are made where the caller runs, since the thread that writes is the one of which there
//! is only one. What is written in one transaction is visible at once, and transactions follow one
//! another, so the order of positions is the order of commits.

use crate::error::{translate, translate_write};
use crate::value::{Bound, BoundUuid};
use idp_application::{
    ChangeSet, Cost, Error, ErrorKind, LaneCount, NewEvent, RowWrite, WriteKind,
};
use idp_sql::{assignments, key_columns};
use rusqlite::{CachedStatement, Connection};
use std::fmt::Write;

const APPEND: &str = include_str!("../sql/append_event.sql");

/// A change set that is ready to be written.
pub(crate) struct Plan {
    changes: ChangeSet,
    /// One for each row, in the same order.
    statements: Vec<String>,
    /// One for each event, in the same order.
    texts: Vec<EventTexts>,
}

/// The columns of an event that have to be made.
struct EventTexts {
    lane: i16,
    metadata: String,
    content_hash: String,
}

impl Plan {
    pub(crate) fn of(changes: ChangeSet, lanes: LaneCount) -> Result<Self, Error> {
        if changes.events.iter().any(|event| event.envelope.tenant != changes.tenant) {
            let message = "an event belongs to another tenant than the unit of work";
            return Err(Error::new(ErrorKind::Invalid, "commit", message));
        }
        let statements = changes.writes.iter().map(statement_of).collect();
        let texts = changes.events.iter().map(|event| texts_of(event, lanes)).collect();
        Ok(Self { changes, statements, texts })
    }

    /// Writes all of it into the open transaction. The first row or event that cannot be written
    /// ends it. The statements that begin and end the transaction are shared with other units, and
    /// not counted.
    pub(crate) fn write(&self, connection: &Connection) -> Result<Cost, Error> {
        for (write, sql) in self.changes.writes.iter().zip(&self.statements) {
            self.write_row(connection, write, sql)?;
        }
        if !self.changes.events.is_empty() {
            let mut statement =
                connection.prepare_cached(APPEND).map_err(|e| translate("commit", e))?;
            for (event, texts) in self.changes.events.iter().zip(&self.texts) {
                append(&mut statement, event, texts).map_err(|e| translate("commit", e))?;
            }
        }
        let written = self.changes.writes.len() + self.changes.events.len();
        let written = u32::try_from(written).unwrap_or(u32::MAX);
        Ok(Cost { statements: written, rows_written: written, ..Cost::default() })
    }

    fn write_row(&self, connection: &Connection, write: &RowWrite, sql: &str) -> Result<(), Error> {
        let changed = connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                self.bind(&mut statement, write)?;
                statement.raw_execute()
            })
            .map_err(|e| translate_write("commit", write.table, e))?;
        if changed == 1 {
            return Ok(());
        }
        let message = format!("`{}` {} was changed by somebody else", write.table.name, write.key);
        Err(Error::new(ErrorKind::Conflict, "commit", message))
    }

    fn bind(&self, statement: &mut CachedStatement<'_>, write: &RowWrite) -> rusqlite::Result<()> {
        statement.raw_bind_parameter(1, self.changes.tenant.as_str())?;
        let first = match expected_version(write) {
            None => 2,
            Some(expected) => {
                statement.raw_bind_parameter(2, BoundUuid(write.key))?;
                statement.raw_bind_parameter(3, expected)?;
                4
            }
        };
        for (index, assigned) in assignments(write).iter().enumerate() {
            statement.raw_bind_parameter(first + index, Bound(assigned.value))?;
        }
        Ok(())
    }
}

fn expected_version(write: &RowWrite) -> Option<i64> {
    match write.kind {
        WriteKind::Insert { .. } => None,
        WriteKind::Update { expected, .. }
        | WriteKind::Remove { expected, .. }
        | WriteKind::Delete { expected } => Some(expected),
    }
}

/// The statement of a row. Parameter 1 is the tenant; of a row that is there already, 2 is the key
/// and 3 the expected version; then come the assigned values.
fn statement_of(write: &RowWrite) -> String {
    let mut sql = String::with_capacity(256);
    let table = write.table.name;
    let [tenant, key] = key_columns(write.table);
    let result = match &write.kind {
        WriteKind::Insert { .. } => insert(&mut sql, write),
        WriteKind::Update { .. } => update(&mut sql, write),
        WriteKind::Remove { .. } | WriteKind::Delete { .. } => {
            write!(sql, "DELETE FROM \"{table}\"")
        }
    };
    let result = result.and_then(|()| match expected_version(write) {
        None => Ok(()),
        Some(_) => write!(sql, " WHERE \"{tenant}\" = ?1 AND \"{key}\" = ?2 AND \"version\" = ?3"),
    });
    result.expect("writing to a string does not fail");
    sql
}

fn insert(sql: &mut String, write: &RowWrite) -> std::fmt::Result {
    let assigned = assignments(write);
    write!(sql, "INSERT INTO \"{}\" (\"tenant_id\", \"version\"", write.table.name)?;
    for assigned in &assigned {
        write!(sql, ", \"{}\"", assigned.column)?;
    }
    sql.push_str(") VALUES (?1, 1");
    for number in 2..assigned.len() + 2 {
        write!(sql, ", ?{number}")?;
    }
    sql.push(')');
    Ok(())
}

fn update(sql: &mut String, write: &RowWrite) -> std::fmt::Result {
    write!(sql, "UPDATE \"{}\" SET \"version\" = \"version\" + 1", write.table.name)?;
    for (index, assigned) in assignments(write).iter().enumerate() {
        write!(sql, ", \"{}\" = ?{}", assigned.column, index + 4)?;
    }
    Ok(())
}

fn texts_of(event: &NewEvent, lanes: LaneCount) -> EventTexts {
    EventTexts {
        lane: event.lane(lanes).number(),
        metadata: serde_json::to_string(&event.envelope.metadata)
            .expect("a map of texts serializes to JSON"),
        content_hash: event.envelope.content_hash().to_string(),
    }
}

fn append(
    statement: &mut CachedStatement<'_>,
    event: &NewEvent,
    texts: &EventTexts,
) -> rusqlite::Result<()> {
    let record = &event.envelope;
    statement
        .execute(rusqlite::params![
            texts.lane,
            BoundUuid(record.event_id),
            record.tenant.as_str(),
            record.aggregate_type,
            BoundUuid(record.aggregate_id),
            record.aggregate_version,
            record.event_type,
            record.schema_id,
            record.schema_version,
            record.payload,
            texts.metadata,
            texts.content_hash,
            record.occurred_at.unix_micros(),
        ])
        .map(drop)
}
