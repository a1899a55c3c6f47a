//! Which columns a row write sets, and to what.

use idp_application::{RowWrite, SystemColumn, WriteKind};
use idp_domain::{Kind, Value};

/// A column with the value that it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assigned<'w> {
    /// The column.
    pub column: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The value.
    pub value: &'w Value,
    /// Whether it is a system column, which is often the same for all rows of a commit.
    pub is_stamp: bool,
}

/// The columns that an insert or update sets besides `tenant_id` and `version`: those of the schema
/// by rising index, then the system columns in their fixed order. Nothing for a deletion.
pub fn assignments(write: &RowWrite) -> Vec<Assigned<'_>> {
    let schema = write.table.columns;
    let mut assigned: Vec<Assigned<'_>> = match &write.kind {
        WriteKind::Insert { values } => {
            schema.iter().zip(values).map(|(column, value)| of(column, value)).collect()
        }
        WriteKind::Update { columns, values, .. } => {
            columns.iter().zip(values).map(|(column, value)| of(&schema[column], value)).collect()
        }
        WriteKind::Remove { .. } | WriteKind::Delete { .. } => return Vec::new(),
    };
    let mut stamps: Vec<&(SystemColumn, Value)> = write.stamps.iter().collect();
    stamps.sort_by_key(|(column, _)| *column);
    assigned.extend(stamps.into_iter().map(|(column, value)| Assigned {
        column: column.name(),
        kind: system_kind(*column),
        value,
        is_stamp: true,
    }));
    assigned
}

fn of<'w>(column: &idp_domain::Column, value: &'w Value) -> Assigned<'w> {
    Assigned { column: column.name, kind: column.kind, value, is_stamp: false }
}

fn system_kind(column: SystemColumn) -> Kind {
    match column {
        SystemColumn::CreatedAt | SystemColumn::UpdatedAt | SystemColumn::DeletedAt => Kind::Time,
        SystemColumn::CreatedBy | SystemColumn::UpdatedBy | SystemColumn::DeletedBy => Kind::Text,
    }
}
