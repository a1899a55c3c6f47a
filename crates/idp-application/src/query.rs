//! Queries as stores take them: free of Rust types, and never without a scope.

use crate::Scope;
use idp_domain::{Direction, Predicate, TableSchema, Value};

/// What a query is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderKey {
    /// The column at that index of the schema.
    Column(usize),
    /// The revision of a read model's row.
    Revision,
    /// The tenant: what tells apart rows of the same key in a query over all tenants.
    Tenant,
}

/// One key of a sort order. Nulls count as larger than everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderBy {
    /// What to sort by.
    pub key: OrderKey,
    /// Which way.
    pub direction: Direction,
}

/// Where a page starts: behind the row with these values of the sort keys.
pub type KeysetStart = Vec<Value>;

/// Whether rows that were soft-deleted are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Only rows that were not deleted.
    #[default]
    Live,
    /// Deleted rows too.
    WithDeleted,
}

/// A query over one table.
#[derive(Clone, Debug)]
pub struct RowQuery {
    /// The table.
    pub table: &'static TableSchema,
    /// Whose rows.
    pub scope: Scope,
    /// Which rows of those.
    pub predicate: Predicate,
    /// Whether deleted rows are seen.
    pub visibility: Visibility,
    /// Only rows of a later revision than this (read models).
    pub revision_after: Option<i64>,
    /// The sort order. It should end with the key, or rows that tie come in any order.
    pub order: Vec<OrderBy>,
    /// Only rows behind this place in the sort order.
    pub after: Option<KeysetStart>,
    /// Skip that many rows.
    pub offset: u32,
    /// At most that many rows.
    pub limit: Option<u32>,
}

impl RowQuery {
    /// Every live row of the table in the scope.
    pub fn all(table: &'static TableSchema, scope: Scope) -> Self {
        Self {
            table,
            scope,
            predicate: Predicate::True,
            visibility: Visibility::Live,
            revision_after: None,
            order: Vec::new(),
            after: None,
            offset: 0,
            limit: None,
        }
    }

    /// The row with that key.
    pub fn by_key(table: &'static TableSchema, scope: Scope, key: Value) -> Self {
        let predicate = Predicate::Compare(table.key, idp_domain::Comparison::Equal, key);
        Self { predicate, limit: Some(1), ..Self::all(table, scope) }
    }

    /// Sorts by the key last, and over all tenants by the tenant after that, so that no two rows
    /// tie.
    pub fn with_order(mut self, mut order: Vec<OrderBy>) -> Self {
        let key = OrderKey::Column(self.table.key);
        if !order.iter().any(|by| by.key == key) {
            order.push(OrderBy { key, direction: Direction::Ascending });
        }
        if matches!(self.scope, Scope::All(_)) {
            order.push(OrderBy { key: OrderKey::Tenant, direction: Direction::Ascending });
        }
        self.order = order;
        self
    }
}
