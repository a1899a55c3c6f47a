//! Queries as SQL. Every one carries its scope: there is no way to render a query without.

use crate::condition::{operator, render_condition};
use crate::{Dialect, Param, Statement};
use idp_application::{OrderBy, OrderKey, RowQuery, Scope, Visibility};
use idp_domain::{Comparison, Direction, Kind, Predicate, TableKind, TableSchema, Value};

/// The column that numbers the states of a row: `version` of an aggregate, `revision` of a read
/// model's row.
pub fn version_column(table: &TableSchema) -> &'static str {
    match table.kind {
        TableKind::Aggregate => "version",
        TableKind::ReadModel => "revision",
    }
}

/// The rows of a query: tenant, version, then the columns of the schema.
pub fn select(dialect: &dyn Dialect, query: &RowQuery) -> Statement {
    let mut statement = Statement { sql: String::with_capacity(512), params: Vec::new() };
    statement.push("SELECT \"tenant_id\", ");
    statement.push_name(version_column(query.table));
    for column in query.table.columns {
        statement.push(", ");
        statement.push_name(column.name);
    }
    from_where(&mut statement, dialect, query);
    keyset(&mut statement, dialect, query);
    order_by(&mut statement, query);
    if let Some(limit) = query.limit.filter(|_| !is_by_key(query)) {
        statement.push(" LIMIT ");
        statement.bind(dialect, Param::One(Kind::Int, Value::Int(limit.into())));
    }
    if query.offset > 0 {
        if query.limit.is_none() {
            statement.push(" LIMIT ");
            statement.bind(dialect, Param::One(Kind::Int, Value::Int(i64::MAX)));
        }
        statement.push(" OFFSET ");
        statement.bind(dialect, Param::One(Kind::Int, Value::Int(query.offset.into())));
    }
    statement
}

/// The number of rows of a query, whatever its order, start and limit.
pub fn count(dialect: &dyn Dialect, query: &RowQuery) -> Statement {
    let mut statement = Statement::default();
    statement.push("SELECT count(*)");
    from_where(&mut statement, dialect, query);
    statement
}

/// A query for one key finds one row at most: the primary key sees to the limit.
fn is_by_key(query: &RowQuery) -> bool {
    let one_tenant = matches!(query.scope, Scope::Tenant(_));
    let by_key = matches!(&query.predicate,
        Predicate::Compare(column, Comparison::Equal, _) if *column == query.table.key);
    one_tenant && by_key && query.limit == Some(1)
}

fn from_where(statement: &mut Statement, dialect: &dyn Dialect, query: &RowQuery) {
    statement.push(" FROM ");
    statement.push_name(query.table.name);
    statement.push(" WHERE ");
    match &query.scope {
        Scope::Tenant(tenant) => {
            statement.push("\"tenant_id\" = ");
            let tenant = Value::Text(tenant.as_str().into());
            statement.bind(dialect, Param::One(Kind::Text, tenant));
        }
        Scope::All(_) => statement.push("1 = 1"),
    }
    if query.predicate != Predicate::True {
        statement.push(" AND ");
        render_condition(statement, dialect, query.table, &query.predicate);
    }
    if query.table.soft_delete && query.visibility == Visibility::Live {
        statement.push(" AND \"deleted_at\" IS NULL");
    }
    if let Some(revision) = query.revision_after {
        statement.push(" AND ");
        statement.push_name(version_column(query.table));
        statement.push(" > ");
        statement.bind(dialect, Param::One(Kind::Int, Value::Int(revision)));
    }
}

fn name(table: &TableSchema, key: OrderKey) -> &'static str {
    match key {
        OrderKey::Column(column) => table.columns[column].name,
        OrderKey::Revision => version_column(table),
        OrderKey::Tenant => "tenant_id",
    }
}

fn kind(table: &TableSchema, key: OrderKey) -> Kind {
    match key {
        OrderKey::Column(column) => table.columns[column].kind,
        OrderKey::Revision => Kind::Int,
        OrderKey::Tenant => Kind::Text,
    }
}

/// The condition that a row stands behind a place in the order: `k1 > v1 OR k1 = v1 AND k2 > v2 …`,
/// as a comparison of rows where all keys go the same way, since an index can answer that.
fn keyset(statement: &mut Statement, dialect: &dyn Dialect, query: &RowQuery) {
    let Some(after) = &query.after else { return };
    let keys: Vec<(&OrderBy, &Value)> = query.order.iter().zip(after).collect();
    let Some((first, _)) = keys.first() else { return };
    statement.push(" AND (");
    if keys.iter().all(|(by, _)| by.direction == first.direction) {
        statement.push("(");
        statement.join(&keys, ", ", |s, (by, _)| s.push_name(name(query.table, by.key)));
        statement.push(")");
        statement.push(operator(beyond(first.direction)));
        statement.push("(");
        statement.join(&keys, ", ", |s, (by, value)| {
            s.bind(dialect, Param::One(kind(query.table, by.key), (*value).clone()));
        });
        statement.push(")");
    } else {
        statement.join(0..keys.len(), " OR ", |s, last| {
            tied_until(s, dialect, query.table, &keys[..=last]);
        });
    }
    statement.push(")");
}

/// All keys but the last equal their values, and the last lies beyond its value.
fn tied_until(
    statement: &mut Statement,
    dialect: &dyn Dialect,
    table: &TableSchema,
    keys: &[(&OrderBy, &Value)],
) {
    statement.push("(");
    statement.join(keys.iter().enumerate(), " AND ", |s, (index, (by, value))| {
        let is_last = index + 1 == keys.len();
        s.push_name(name(table, by.key));
        s.push(operator(if is_last { beyond(by.direction) } else { Comparison::Equal }));
        s.bind(dialect, Param::One(kind(table, by.key), (*value).clone()));
    });
    statement.push(")");
}

fn beyond(direction: Direction) -> Comparison {
    match direction {
        Direction::Ascending => Comparison::Greater,
        Direction::Descending => Comparison::Less,
    }
}

fn order_by(statement: &mut Statement, query: &RowQuery) {
    if query.order.is_empty() {
        return;
    }
    statement.push(" ORDER BY ");
    statement.join(&query.order, ", ", |s, by| {
        s.push_name(name(query.table, by.key));
        let nullable =
            matches!(by.key, OrderKey::Column(column) if query.table.columns[column].nullable);
        s.push(match (by.direction, nullable) {
            (Direction::Ascending, false) => "",
            (Direction::Descending, false) => " DESC",
            (Direction::Ascending, true) => " NULLS LAST",
            (Direction::Descending, true) => " DESC NULLS FIRST",
        });
    });
}
