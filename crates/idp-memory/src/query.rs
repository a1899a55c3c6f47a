//! Queries: which rows satisfy, in which order, and which part of the list.

use crate::state::State;
use crate::table::{Row, Table};
use idp_application::{
    Cost, Error, Fetched, OrderBy, OrderKey, RowQuery, Scope, StoredRow, Visibility,
};
use idp_domain::{Comparison, Direction, Predicate, TenantId, Value};
use std::cmp::Ordering;

impl State {
    pub(crate) fn fetch(&self, query: &RowQuery) -> Result<Fetched, Error> {
        let mut rows = satisfying(self.tables.get(query.table)?, query);
        rows.sort_by(|a, b| {
            compare(&query.order, |key| value_of(*a, key), |key| value_of(*b, key))
        });
        let page = rows
            .into_iter()
            .filter(|row| is_behind(*row, query))
            .skip(usize::try_from(query.offset).unwrap_or(usize::MAX))
            .take(query.limit.map_or(usize::MAX, |limit| limit.try_into().unwrap_or(usize::MAX)));
        let rows: Vec<_> = page
            .map(|(tenant, row)| StoredRow {
                tenant: tenant.clone(),
                version: row.version,
                values: row.values.clone(),
            })
            .collect();
        let rows_read = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        Ok(Fetched { rows, cost: Cost { rows_read, ..Cost::default() } })
    }

    pub(crate) fn count(&self, query: &RowQuery) -> Result<u64, Error> {
        let rows = satisfying(self.tables.get(query.table)?, query);
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

/// The rows that the query asks for, whatever its order, start and limit.
fn satisfying<'t>(table: &'t Table, query: &'t RowQuery) -> Vec<(&'t TenantId, &'t Row)> {
    let wanted = |row: &Row| {
        (row.is_live() || query.visibility == Visibility::WithDeleted)
            && query.revision_after.is_none_or(|revision| row.version > revision)
            && query.predicate.evaluate(&|column| row.values[column].clone()) == Some(true)
    };
    match (&query.scope, sought_key(query)) {
        (Scope::Tenant(tenant), Some(key)) => {
            let row = table.row(tenant, key).filter(|row| wanted(row));
            row.map(|row| (tenant, row)).into_iter().collect()
        }
        (Scope::Tenant(tenant), None) => {
            let rows = table.rows_of(tenant).filter(|row| wanted(row));
            rows.map(|row| (tenant, row)).collect()
        }
        (Scope::All(_), _) => table.rows().filter(|(_, row)| wanted(row)).collect(),
    }
}

/// The key, when the query asks for one row.
fn sought_key(query: &RowQuery) -> Option<&Value> {
    match &query.predicate {
        Predicate::Compare(column, Comparison::Equal, key) if *column == query.table.key => {
            Some(key)
        }
        _ => None,
    }
}

/// Whether the row stands behind the place where the page starts.
fn is_behind(row: (&TenantId, &Row), query: &RowQuery) -> bool {
    let Some(after) = &query.after else { return true };
    let start = |key: OrderKey| {
        let at = query.order.iter().position(|by| by.key == key);
        at.and_then(|at| after.get(at)).cloned().unwrap_or(Value::Null)
    };
    compare(&query.order, |key| value_of(row, key), start).is_gt()
}

/// Compares key by key; the first that differs decides.
fn compare(
    order: &[OrderBy],
    a: impl Fn(OrderKey) -> Value,
    b: impl Fn(OrderKey) -> Value,
) -> Ordering {
    order.iter().fold(Ordering::Equal, |so_far, by| {
        so_far.then_with(|| {
            let ordering = a(by.key).sort_compare(&b(by.key));
            match by.direction {
                Direction::Ascending => ordering,
                Direction::Descending => ordering.reverse(),
            }
        })
    })
}

fn value_of((tenant, row): (&TenantId, &Row), key: OrderKey) -> Value {
    match key {
        OrderKey::Tenant => Value::Text(tenant.as_str().into()),
        OrderKey::Column(column) => row.values[column].clone(),
        OrderKey::Revision => Value::Int(row.version),
    }
}
