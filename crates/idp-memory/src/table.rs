//! A table: rows by tenant and key, with the unique keys that are taken.

use idp_application::{Error, ErrorKind, SystemColumn};
use idp_domain::{Kind, TableSchema, TenantId, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The version of an aggregate, the revision of a read model's row.
    pub(crate) version: i64,
    /// The columns of the schema.
    pub(crate) values: Vec<Value>,
    /// The system columns that are set.
    pub(crate) system: BTreeMap<SystemColumn, Value>,
}

impl Row {
    /// Whether it was not soft-deleted.
    pub(crate) fn is_live(&self) -> bool {
        self.system.get(&SystemColumn::DeletedAt).is_none_or(Value::is_null)
    }
}

/// A value that a row is found by, in the order of [`Value::sort_compare`]. All keys of one column
/// are of one kind.
#[derive(Clone, Debug)]
struct Key(Value);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.sort_compare(&other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// The values that one live row has in one set of unique columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UniqueKey {
    /// Which set, by its index in the schema.
    set: usize,
    tenant: TenantId,
    values: Vec<Key>,
}

/// A table.
pub(crate) struct Table {
    schema: &'static TableSchema,
    rows: BTreeMap<TenantId, BTreeMap<Key, Row>>,
    taken: BTreeSet<UniqueKey>,
}

impl Table {
    pub(crate) fn new(schema: &'static TableSchema) -> Self {
        Self { schema, rows: BTreeMap::new(), taken: BTreeSet::new() }
    }

    pub(crate) fn schema(&self) -> &'static TableSchema {
        self.schema
    }

    /// The row with that key, soft-deleted or not.
    pub(crate) fn row(&self, tenant: &TenantId, key: &Value) -> Option<&Row> {
        self.rows.get(tenant)?.get(&Key(key.clone()))
    }

    /// All rows, by tenant and key.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&TenantId, &Row)> {
        self.rows.iter().flat_map(|(tenant, rows)| rows.values().map(move |row| (tenant, row)))
    }

    /// The rows of one tenant, by key.
    pub(crate) fn rows_of<'t>(&'t self, tenant: &TenantId) -> impl Iterator<Item = &'t Row> {
        self.rows.get(tenant).into_iter().flat_map(BTreeMap::values)
    }

    /// Makes `row` the row of that key, or removes it; the only way to change the table. Returns the
    /// row before. Fails, changing nothing, when a unique key is taken or a value does not fit its
    /// column.
    pub(crate) fn replace(
        &mut self,
        tenant: &TenantId,
        key: &Value,
        row: Option<Row>,
    ) -> Result<Option<Row>, Error> {
        if let Some(row) = &row {
            self.check_values(row)?;
        }
        let before = self.row(tenant, key).cloned();
        let freed = self.unique_keys(tenant, before.as_ref());
        let wanted = self.unique_keys(tenant, row.as_ref());
        let is_taken = |key: &&UniqueKey| self.taken.contains(key) && !freed.contains(key);
        if let Some(taken) = wanted.iter().find(is_taken) {
            return Err(duplicate(self.schema, self.schema.unique[taken.set]));
        }
        freed.iter().for_each(|key| {
            self.taken.remove(key);
        });
        self.taken.extend(wanted);
        let rows = self.rows.entry(tenant.clone()).or_default();
        match row {
            Some(row) => rows.insert(Key(key.clone()), row),
            None => rows.remove(&Key(key.clone())),
        };
        Ok(before)
    }

    /// Removes every row.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.taken.clear();
    }

    /// What the row takes. A soft-deleted row takes nothing, nor does one with a null among the
    /// columns: as in SQL, a null equals nothing.
    fn unique_keys(&self, tenant: &TenantId, row: Option<&Row>) -> Vec<UniqueKey> {
        let Some(row) = row.filter(|row| row.is_live()) else { return Vec::new() };
        let sets = self.schema.unique.iter().enumerate();
        let keys = sets.map(|(set, columns)| UniqueKey {
            set,
            tenant: tenant.clone(),
            values: columns.iter().map(|column| Key(row.values[*column].clone())).collect(),
        });
        keys.filter(|key| key.values.iter().all(|value| !value.0.is_null())).collect()
    }

    fn check_values(&self, row: &Row) -> Result<(), Error> {
        let columns = self.schema.columns;
        let fits = row.values.len() == columns.len()
            && columns.iter().zip(&row.values).all(|(column, value)| {
                kind_of(value).map_or(column.nullable, |kind| kind == column.kind)
            });
        if fits && row.values.iter().all(|value| value.fault().is_none()) {
            return Ok(());
        }
        let message = format!("the values {:?} do not fit `{}`", row.values, self.schema.name);
        Err(Error::new(ErrorKind::Invalid, "write", message))
    }
}

fn kind_of(value: &Value) -> Option<Kind> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(Kind::Bool),
        Value::Int(_) => Some(Kind::Int),
        Value::Float(_) => Some(Kind::Float),
        Value::Text(_) => Some(Kind::Text),
        Value::Uuid(_) => Some(Kind::Uuid),
        Value::Time(_) => Some(Kind::Time),
        Value::Json(_) => Some(Kind::Json),
    }
}

/// The error for columns that another row has already.
pub(crate) fn duplicate(table: &TableSchema, columns: &[usize]) -> Error {
    let names: Vec<_> =
        columns.iter().map(|column| format!("`{}`", table.columns[*column].name)).collect();
    let message = format!("`{}` with this {} exists already", table.name, names.join(" and "));
    Error::new(ErrorKind::Duplicate, "commit", message)
}
