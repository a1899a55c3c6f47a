//! Runs queries over the tables of records.

use crate::dialect::Sqlite;
use crate::error::translate;
use crate::value::{Bound, decode};
use idp_application::{Cost, Error, ErrorKind, Fetched, RowQuery, Scope, StoredRow};
use idp_domain::{Comparison, Predicate, TenantId};
use idp_sql::{Param, Statement};
use rusqlite::{CachedStatement, Connection, Row};

/// What one statement can bind (`SQLITE_MAX_VARIABLE_NUMBER`).
const PARAMETERS_MAX: usize = 32_766;

/// Whether the query asks for one row by its primary key: it takes microseconds.
pub(crate) fn is_by_key(query: &RowQuery) -> bool {
    matches!(query.scope, Scope::Tenant(_))
        && matches!(&query.predicate, Predicate::Compare(column, Comparison::Equal, _)
            if *column == query.table.key)
}

pub(crate) fn fetch(connection: &Connection, query: &RowQuery) -> Result<Fetched, Error> {
    let mut statement = bound(connection, &idp_sql::select(&Sqlite, query))?;
    let failed = |e| translate("read", e);
    let mut stored = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = stored.next().map_err(failed)? {
        rows.push(stored_row(row, query)?);
    }
    let rows_read = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    Ok(Fetched { rows, cost: Cost { statements: 1, rows_read, ..Cost::default() } })
}

pub(crate) fn count(connection: &Connection, query: &RowQuery) -> Result<u64, Error> {
    let mut statement = bound(connection, &idp_sql::count(&Sqlite, query))?;
    let failed = |e| translate("read", e);
    let mut rows = statement.raw_query();
    let count: Option<i64> =
        rows.next().map_err(failed)?.map(|row| row.get(0)).transpose().map_err(failed)?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

fn bound<'c>(
    connection: &'c Connection,
    statement: &Statement,
) -> Result<CachedStatement<'c>, Error> {
    let unsupported = |message: String| Error::new(ErrorKind::Unsupported, "read", message);
    if statement.params.len() > PARAMETERS_MAX {
        return Err(unsupported(format!(
            "a query compares with {} values, SQLite takes {PARAMETERS_MAX}",
            statement.params.len()
        )));
    }
    let failed = |e| translate("read", e);
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failed)?;
    for (index, parameter) in statement.params.iter().enumerate() {
        let Param::One(_, value) = parameter else {
            return Err(unsupported("SQLite has no array parameters".into()));
        };
        prepared.raw_bind_parameter(index + 1, Bound(value)).map_err(failed)?;
    }
    Ok(prepared)
}

fn stored_row(row: &Row<'_>, query: &RowQuery) -> Result<StoredRow, Error> {
    let corrupt = |column: &str| {
        let message = format!("`{}.{column}` holds what it should not", query.table.name);
        Error::new(ErrorKind::Corrupt, "read", message)
    };
    let failed = |e| translate("read", e);
    let tenant = row.get_ref(0).map_err(failed)?.as_str().map_err(|_| corrupt("tenant_id"))?;
    let tenant = match &query.scope {
        Scope::Tenant(own) if own.as_str() == tenant => own.clone(),
        _ => TenantId::new(tenant).map_err(|_| corrupt("tenant_id"))?,
    };
    let version = row.get(1).map_err(failed)?;
    let columns = query.table.columns.iter().enumerate();
    let values = columns.map(|(index, column)| {
        let stored = row.get_ref(index + 2).map_err(failed)?;
        decode(column.kind, stored).ok_or_else(|| corrupt(column.name))
    });
    Ok(StoredRow { tenant, version, values: values.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_conformance::sample::Parcel;
    use idp_domain::{Record, Specification, TextField, Uuid, Value};

    fn plan_of(query: &RowQuery) -> String {
        let connection = Connection::open_in_memory().expect("memory opens");
        let ddl = idp_sql::table_ddl(&Sqlite, Parcel::SCHEMA).statements.join(";");
        connection.execute_batch(&ddl).expect("the table is made");
        let select = idp_sql::select(&Sqlite, query);
        let statement = Statement { sql: format!("EXPLAIN QUERY PLAN {}", select.sql), ..select };
        let mut statement = bound(&connection, &statement).expect("valid SQL");
        let mut rows = statement.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().expect("it can be explained") {
            plan += &row.get::<_, String>(3).expect("text");
        }
        plan
    }

    fn scope() -> Scope {
        Scope::Tenant(TenantId::new("acme").expect("valid"))
    }

    fn satisfying(specification: Specification<Parcel>) -> RowQuery {
        let predicate = specification.into_predicate();
        RowQuery { predicate, ..RowQuery::all(Parcel::SCHEMA, scope()) }
    }

    #[test]
    fn a_read_by_key_is_one_seek() {
        let query = RowQuery::by_key(Parcel::SCHEMA, scope(), Value::Uuid(Uuid::nil()));
        assert!(is_by_key(&query));
        let plan = plan_of(&query);
        assert!(plan.starts_with("SEARCH parcel USING INDEX sqlite_autoindex_parcel_1"), "{plan}");
        assert!(plan.ends_with("(tenant_id=? AND id=?)"), "{plan}");
    }

    #[test]
    fn texts_that_start_alike_are_found_by_index() {
        let query = satisfying(Parcel::REFERENCE.starts_with("A"));
        assert!(!is_by_key(&query));
        let plan = plan_of(&query);
        assert!(plan.contains("INDEX parcel_u0 (tenant_id=? AND reference>?)"), "{plan}");
    }

    #[test]
    fn more_values_than_a_statement_takes_are_refused_with_the_bound() {
        let query = satisfying(Parcel::PIECES.is_in(0..32_766));
        let connection = Connection::open_in_memory().expect("memory opens");
        let error = fetch(&connection, &query).expect_err("it and the tenant are one too many");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("32767 values, SQLite takes 32766"), "{error}");
    }
}
