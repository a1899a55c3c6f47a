//! Read models: rows and checkpoint in one transaction, and only under the current epoch.

use crate::error::{translate, translate_write};
use crate::lease;
use crate::purge;
use crate::store::SqliteStore;
use crate::value::Bound;
use idp_application::{
    Applied, BoxFuture, Error, ErrorKind, Lane, ProjectionBatch, ProjectionStore, ProjectionWrite,
    Reader,
};
use idp_domain::{TableSchema, Value};
use idp_sql::key_columns;
use rusqlite::Connection;
use std::fmt::Write;

impl ProjectionStore for SqliteStore {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(async move {
            let plan = Plan::of(batch);
            self.writer.run("apply", move |connection| plan.write(connection)).await
        })
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        let reader = reader.name.clone();
        let reset = move |connection: &Connection| {
            let failed = |e| translate("reset", e);
            if !lease::rewind(connection, &reader, epoch).map_err(failed)? {
                return Ok(Applied::Fenced);
            }
            if purge::gone(connection, Lane::WHOLE).map_err(failed)?.events > 0 {
                let message = "events of the log were purged: what they said cannot be read again";
                return Err(Error::new(ErrorKind::Unsupported, "reset", message));
            }
            let empty = format!("DELETE FROM \"{}\"", table.name);
            connection.execute(&empty, []).map_err(failed)?;
            Ok(Applied::Done)
        };
        Box::pin(self.writer.run("reset", reset))
    }
}

/// A batch that is ready to be written, its statements made where the caller runs.
struct Plan {
    batch: ProjectionBatch,
    /// One for each row, in the same order.
    statements: Vec<String>,
}

impl Plan {
    /// Deletions go first: what they free, another row of the batch may take.
    fn of(mut batch: ProjectionBatch) -> Self {
        batch.writes.sort_by_key(|write| write.values.is_some());
        let statements = batch.writes.iter().map(statement_of).collect();
        Self { batch, statements }
    }

    fn write(&self, connection: &Connection) -> Result<Applied, Error> {
        let ProjectionBatch { reader, progress, lease_ttl, writes } = &self.batch;
        let advanced = lease::now(connection).and_then(|now| {
            let until = lease::after(now, *lease_ttl);
            lease::advance(connection, &reader.name, progress, until)
        });
        if !advanced.map_err(|e| translate("apply", e))? {
            return Ok(Applied::Fenced);
        }
        for (write, sql) in writes.iter().zip(&self.statements) {
            write_row(connection, write, sql)
                .map_err(|e| translate_write("apply", write.table, e))?;
        }
        Ok(Applied::Done)
    }
}

fn write_row(connection: &Connection, write: &ProjectionWrite, sql: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.raw_bind_parameter(1, write.tenant.as_str())?;
    match &write.values {
        None => statement.raw_bind_parameter(2, Bound(&write.key))?,
        Some(values) => {
            statement.raw_bind_parameter(2, Bound(&Value::Int(write.revision)))?;
            for (index, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(index + 3, Bound(value))?;
            }
        }
    }
    statement.raw_execute().map(drop)
}

/// The statement of a row. Parameter 1 is the tenant; 2 is the key of a row that goes, and the
/// revision of one that stays, with its values behind.
fn statement_of(write: &ProjectionWrite) -> String {
    let mut sql = String::with_capacity(256);
    let result = match &write.values {
        None => delete(&mut sql, write.table),
        Some(_) => upsert(&mut sql, write.table),
    };
    result.expect("writing to a string does not fail");
    sql
}

fn delete(sql: &mut String, table: &TableSchema) -> std::fmt::Result {
    let [tenant, key] = key_columns(table);
    write!(sql, "DELETE FROM \"{}\" WHERE \"{tenant}\" = ?1 AND \"{key}\" = ?2", table.name)
}

fn upsert(sql: &mut String, table: &TableSchema) -> std::fmt::Result {
    let [tenant, key] = key_columns(table);
    write!(sql, "INSERT INTO \"{}\" (\"{tenant}\", \"revision\"", table.name)?;
    for column in table.columns {
        write!(sql, ", \"{}\"", column.name)?;
    }
    sql.push_str(") VALUES (?1, ?2");
    for number in 3..table.columns.len() + 3 {
        write!(sql, ", ?{number}")?;
    }
    write!(sql, ") ON CONFLICT (\"{tenant}\", \"{key}\") DO UPDATE SET \"revision\" = ?2")?;
    for (index, column) in table.columns.iter().enumerate() {
        write!(sql, ", \"{}\" = ?{}", column.name, index + 3)?;
    }
    Ok(())
}
