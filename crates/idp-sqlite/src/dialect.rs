//! The SQL of SQLite.

use idp_domain::Kind;
use idp_sql::Dialect;
use std::fmt::Write;

/// Every kind has one strict type: an instant is microseconds since 1970, a UUID its sixteen bytes.
pub(crate) struct Sqlite;

impl Dialect for Sqlite {
    fn column_type(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Bool | Kind::Int | Kind::Time => "INTEGER",
            Kind::Float => "REAL",
            Kind::Text | Kind::Json => "TEXT",
            Kind::Uuid => "BLOB",
        }
    }

    /// Strict, so that a value of another type is refused. With row ids: measured with rows of
    /// 1 kB, tables without are three times slower to read and to change.
    fn table_suffix(&self) -> &'static str {
        " STRICT"
    }

    fn placeholder(&self, number: usize, sql: &mut String) {
        write!(sql, "?{number}").expect("writing to a string does not fail");
    }

    fn has_arrays(&self) -> bool {
        false
    }

    /// `LIKE` ignores case and has wildcards. The lower bound is for the index.
    fn starts_with(&self, column: &str, number: usize, sql: &mut String) {
        write!(
            sql,
            "({column} >= ?{number} AND substr({column}, 1, length(?{number})) = ?{number})"
        )
        .expect("writing to a string does not fail");
    }
}
