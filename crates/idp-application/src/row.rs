//! Rows as stores give them back.

use crate::{Cost, Error, ErrorKind};
use idp_domain::{MappingError, TableSchema, TenantId, Value};

/// One stored row.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// Whose row it is.
    pub tenant: TenantId,
    /// The version of an aggregate, from 1; the revision of a read model's row.
    pub version: i64,
    /// The columns of the schema, in its order.
    pub values: Vec<Value>,
}

/// What a query found, and what it cost.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The rows, in the order asked for.
    pub rows: Vec<StoredRow>,
    /// The cost.
    pub cost: Cost,
}

/// The error for a row that does not fit its Rust type.
pub(crate) fn corrupt(table: &TableSchema, error: MappingError) -> Error {
    let message = format!("a row of `{}` cannot be read: {error}", table.name);
    Error::new(ErrorKind::Corrupt, "read a row", message).with_source(error)
}
