//! The SQL of PostgreSQL.

use idp_domain::Kind;
use idp_sql::Dialect;
use std::fmt::Write;

/// PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Postgres;

impl Dialect for Postgres {
    fn column_type(&self, kind: Kind) -> &'static str {
        match kind {
            // Text is compared by code point, as everywhere; a locale would differ by server.
            Kind::Text => "text COLLATE \"C\"",
            other => type_name(other),
        }
    }

    fn has_arrays(&self) -> bool {
        true
    }

    fn starts_with(&self, column: &str, number: usize, sql: &mut String) {
        write!(sql, "starts_with({column}, ${number})").expect("writing to a string succeeds");
    }
}

/// The name of the type of a kind, for casts.
pub(crate) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int => "bigint",
        Kind::Float => "double precision",
        Kind::Text => "text",
        Kind::Uuid => "uuid",
        Kind::Time => "timestamptz",
        Kind::Json => "jsonb",
    }
}
