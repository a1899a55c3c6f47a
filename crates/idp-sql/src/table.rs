//! Tables from schemas.

use crate::{Dialect, unique_index, version_column};
use idp_application::SystemColumn;
use idp_domain::{Kind, TableKind, TableSchema};
use std::fmt::Write;

/// What makes a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDdl {
    /// `CREATE TABLE`, then one `CREATE INDEX` each. Together they also serve as the description
    /// of the table's shape, which a later build compares with its own.
    pub statements: Vec<String>,
}

/// The columns of the primary key.
pub fn key_columns(table: &TableSchema) -> [&'static str; 2] {
    ["tenant_id", table.key_column().name]
}

/// Every column of the table: name, kind, nullable.
pub fn row_columns(table: &TableSchema) -> Vec<(&'static str, Kind, bool)> {
    let mut columns = vec![("tenant_id", Kind::Text, false)];
    columns.extend(table.columns.iter().map(|c| (c.name, c.kind, c.nullable)));
    columns.push((version_column(table), Kind::Int, false));
    if table.kind == TableKind::Aggregate && table.audit {
        columns.extend([
            (SystemColumn::CreatedAt.name(), Kind::Time, false),
            (SystemColumn::CreatedBy.name(), Kind::Text, false),
            (SystemColumn::UpdatedAt.name(), Kind::Time, false),
            (SystemColumn::UpdatedBy.name(), Kind::Text, false),
        ]);
    }
    if table.soft_delete {
        columns.extend([
            (SystemColumn::DeletedAt.name(), Kind::Time, true),
            (SystemColumn::DeletedBy.name(), Kind::Text, true),
        ]);
    }
    columns
}

/// The statements that make the table and its indexes. Every index leads with the tenant.
pub fn table_ddl(dialect: &dyn Dialect, table: &TableSchema) -> TableDdl {
    let mut statements = vec![create_table(dialect, table)];
    let live = if table.soft_delete { " WHERE \"deleted_at\" IS NULL" } else { "" };
    for (number, columns) in table.unique.iter().enumerate() {
        let index = unique_index(table, number);
        let columns = column_list(table, columns);
        let name = table.name;
        statements.push(format!("CREATE UNIQUE INDEX \"{index}\" ON \"{name}\" ({columns}){live}"));
    }
    for (number, columns) in table.indexes.iter().enumerate() {
        let columns = column_list(table, columns);
        let name = table.name;
        statements
            .push(format!("CREATE INDEX \"{name}_i{number}\" ON \"{name}\" ({columns}){live}"));
    }
    if table.kind == TableKind::ReadModel {
        let name = table.name;
        statements.push(format!(
            "CREATE INDEX \"{name}_revision\" ON \"{name}\" (\"tenant_id\", \"revision\")"
        ));
    }
    TableDdl { statements }
}

fn create_table(dialect: &dyn Dialect, table: &TableSchema) -> String {
    let mut sql = format!("CREATE TABLE \"{}\" (\n", table.name);
    for (name, kind, nullable) in row_columns(table) {
        let not_null = if nullable { "" } else { " NOT NULL" };
        writeln!(sql, "  \"{name}\" {}{not_null},", dialect.column_type(kind))
            .expect("writing to a string does not fail");
    }
    let [tenant, key] = key_columns(table);
    write!(sql, "  PRIMARY KEY (\"{tenant}\", \"{key}\")\n){}", dialect.table_suffix())
        .expect("writing to a string does not fail");
    sql
}

fn column_list(table: &TableSchema, columns: &[usize]) -> String {
    let mut list = String::from("\"tenant_id\"");
    for column in columns {
        list.push_str(", \"");
        list.push_str(table.columns[*column].name);
        list.push('"');
    }
    list
}
