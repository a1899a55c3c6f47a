//! Commits: rows first, each under its rule, then the events; on the first failure everything is as
//! before.

use crate::state::{State, Tables};
use crate::table::{Row, duplicate};
use idp_application::{
    ChangeSet, Cost, Error, ErrorKind, LaneCount, RowWrite, SystemColumn, WriteKind,
};
use idp_domain::{ColumnSet, TableKind, TableSchema, TenantId, Value};
use std::collections::BTreeMap;

impl State {
    pub(crate) fn commit(&mut self, changes: ChangeSet, lanes: LaneCount) -> Result<Cost, Error> {
        let ChangeSet { tenant, writes, events } = changes;
        if let Some(foreign) = events.iter().find(|event| event.envelope.tenant != tenant) {
            let message = format!(
                "an event of `{}` stands in a commit of `{tenant}`",
                foreign.envelope.tenant
            );
            return Err(Error::new(ErrorKind::Invalid, "commit", message));
        }
        let rows_written = writes.len() + events.len();
        self.tables.write_all(&tenant, &writes)?;
        for event in events {
            self.log.append(event.lane(lanes), event.envelope);
        }
        let rows_written = u32::try_from(rows_written).unwrap_or(u32::MAX);
        Ok(Cost { rows_written, ..Cost::default() })
    }
}

impl Tables {
    fn write_all(&mut self, tenant: &TenantId, writes: &[RowWrite]) -> Result<(), Error> {
        let mut done: Vec<(&RowWrite, Option<Row>)> = Vec::new();
        for write in writes {
            match self.write(tenant, write) {
                Ok(before) => done.push((write, before)),
                Err(error) => {
                    self.undo(tenant, done);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Writes one row; returns the row before.
    fn write(&mut self, tenant: &TenantId, write: &RowWrite) -> Result<Option<Row>, Error> {
        check_stamps(write)?;
        let table = self.get_mut(write.table)?;
        let key = Value::Uuid(write.key);
        let row = row_after(table.row(tenant, &key), write)?;
        table.replace(tenant, &key, row)
    }

    fn undo(&mut self, tenant: &TenantId, done: Vec<(&RowWrite, Option<Row>)>) {
        for (write, before) in done.into_iter().rev() {
            let table = self.get_mut(write.table).expect("the table was written to just now");
            table
                .replace(tenant, &Value::Uuid(write.key), before)
                .expect("undone backwards, every row finds its unique keys free");
        }
    }
}

/// The row that the write makes of the row that is there.
fn row_after(before: Option<&Row>, write: &RowWrite) -> Result<Option<Row>, Error> {
    let row = match (&write.kind, before) {
        (WriteKind::Insert { .. }, Some(_)) => {
            return Err(duplicate(write.table, &[write.table.key]));
        }
        (WriteKind::Insert { values }, None) => {
            Row { version: 1, values: values.clone(), system: BTreeMap::new() }
        }
        (WriteKind::Update { expected, columns, values }, before) => {
            updated(current(before, *expected, write)?, *columns, values)
        }
        (WriteKind::Remove { expected, .. } | WriteKind::Delete { expected }, before) => {
            current(before, *expected, write)?;
            return Ok(None);
        }
    };
    Ok(Some(stamped(row, &write.stamps)))
}

/// The row, if it has the expected version still.
fn current<'r>(before: Option<&'r Row>, expected: i64, write: &RowWrite) -> Result<&'r Row, Error> {
    before.filter(|row| row.version == expected).ok_or_else(|| {
        let message = format!("`{}` {} was changed by somebody else", write.table.name, write.key);
        Error::new(ErrorKind::Conflict, "commit", message)
    })
}

fn updated(row: &Row, columns: ColumnSet, values: &[Value]) -> Row {
    let mut row = row.clone();
    row.version += 1;
    for (column, value) in columns.iter().zip(values) {
        row.values[column] = value.clone();
    }
    row
}

fn stamped(mut row: Row, stamps: &[(SystemColumn, Value)]) -> Row {
    for (column, value) in stamps {
        row.system.insert(*column, value.clone());
    }
    row
}

fn check_stamps(write: &RowWrite) -> Result<(), Error> {
    match write.stamps.iter().find(|(column, _)| !has_column(write.table, *column)) {
        None => Ok(()),
        Some((column, _)) => {
            let message = format!("`{}` has no column `{}`", write.table.name, column.name());
            Err(Error::new(ErrorKind::Invalid, "commit", message))
        }
    }
}

fn has_column(table: &TableSchema, column: SystemColumn) -> bool {
    let wanted = match column {
        SystemColumn::DeletedAt | SystemColumn::DeletedBy => table.soft_delete,
        _ => table.audit,
    };
    wanted && table.kind == TableKind::Aggregate
}
