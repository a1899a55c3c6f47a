//! A Rust type that is kept as the rows of one table.

use crate::{FieldType, MappingError, TableSchema, Value};

/// What aggregates and read models have in common: a table, and the way to a row and back.
/// Derived with `Aggregate` or `ReadModel`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not kept in a table",
    label = "neither an aggregate nor a read model",
    note = "derive `Aggregate` or `ReadModel` for `{Self}`"
)]
pub trait Record: Clone + Send + Sync + Sized + 'static {
    /// The table.
    const SCHEMA: &'static TableSchema;

    /// The value of the column at that index of the schema.
    ///
    /// # Panics
    /// When the schema has no such column.
    fn value(&self, column: usize) -> Value;

    /// The object that was stored as this row.
    fn from_row(row: RowValues) -> Result<Self, MappingError>;
}

/// A record that projections write and queries read. Derived with `ReadModel`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a read model",
    label = "not a read model",
    note = "queries read models, never aggregates: derive `ReadModel` for a row type and fold \
            events into it"
)]
pub trait ReadModel: Record {}

/// The values of one row, in the order of the columns of its schema, each taken once.
#[derive(Debug)]
pub struct RowValues {
    schema: &'static TableSchema,
    values: Vec<Value>,
}

impl RowValues {
    /// The row with these values. Fails when their number is not that of the columns.
    pub fn new(schema: &'static TableSchema, values: Vec<Value>) -> Result<Self, MappingError> {
        if values.len() == schema.columns.len() {
            return Ok(Self { schema, values });
        }
        Err(MappingError::new(format!(
            "`{}` has {} columns, the row has {}",
            schema.name,
            schema.columns.len(),
            values.len()
        )))
    }

    /// Takes the value of a column as the type of its field.
    pub fn take<T: FieldType>(&mut self, column: usize) -> Result<T, MappingError> {
        self.take_as(column, T::from_value)
    }

    /// The same, by another name of `T::from_value`.
    pub(crate) fn take_as<T>(
        &mut self,
        column: usize,
        from_value: impl FnOnce(Value) -> Result<T, MappingError>,
    ) -> Result<T, MappingError> {
        let value = std::mem::replace(&mut self.values[column], Value::Null);
        from_value(value).map_err(|e| e.in_column(self.schema.columns[column].name))
    }
}
