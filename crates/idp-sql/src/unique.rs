//! Names of unique indexes, and the error for a taken key.

use idp_application::{Error, ErrorKind};
use idp_domain::TableSchema;

/// The name of the index that keeps the unique key with that number in the schema.
pub fn unique_index(table: &TableSchema, number: usize) -> String {
    format!("{}_u{number}", table.name)
}

/// The error for a taken unique key; `columns` are those of the key, without the tenant.
pub fn duplicate(table: &TableSchema, columns: &[&str]) -> Error {
    let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    let message = format!("`{}` with this {} exists already", table.name, columns.join(", "));
    Error::new(ErrorKind::Duplicate, "commit", message)
}
