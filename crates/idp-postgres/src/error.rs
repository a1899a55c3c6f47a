//! Driver errors as errors of the application layer: the only place that knows SQLSTATE.

use idp_application::{BoxError, Error, ErrorKind};
use idp_domain::TableSchema;
use idp_sql::{duplicate, unique_index};
use tokio_postgres::error::{DbError, SqlState};

/// The SQLSTATE with which a commit says that a row did not have the expected version.
pub(crate) const STALE: &str = "IDP01";

/// Whether somebody else had locked what a statement needed for longer than it may wait.
pub(crate) fn is_lock_timeout(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<tokio_postgres::Error>());
    source.and_then(|source| source.code()) == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// The error for what the driver reported while doing `operation`.
pub(crate) fn translate(operation: &'static str, error: tokio_postgres::Error) -> Error {
    let (kind, message) = match error.code() {
        Some(_) if error.as_db_error().is_some_and(is_of_a_new_partition) => {
            (ErrorKind::Conflict, "a partition of the log was made at that moment")
        }
        Some(code) => classify(code),
        None if error.is_closed() => (ErrorKind::Unavailable, "the connection was lost"),
        None => (ErrorKind::Unavailable, "the database cannot be reached"),
    };
    Error::new(kind, operation, message).with_source(error)
}

/// Whether the row went to the partition for all others, and one of its own was attached before it was
/// written: the server then refuses it, and routes it rightly when it comes again.
fn is_of_a_new_partition(detail: &DbError) -> bool {
    *detail.code() == SqlState::CHECK_VIOLATION
        && detail.table() == Some("idp_outbox_rest")
        && detail.constraint().is_none()
}

/// The error for a row that holds what it should not.
pub(crate) fn corrupt(operation: &'static str, what: &str, error: BoxError) -> Error {
    let message = format!("{what} cannot be read: {error}");
    Error::new(ErrorKind::Corrupt, operation, message).with_source(error)
}

/// The same, for a statement that writes these tables: a taken unique key is named by its columns.
pub(crate) fn translate_for(
    operation: &'static str,
    error: tokio_postgres::Error,
    tables: &[&'static TableSchema],
) -> Error {
    match error.as_db_error().and_then(|detail| taken_key(detail, tables)) {
        Some(duplicate) => duplicate.with_source(error),
        None => translate(operation, error),
    }
}

fn taken_key(detail: &DbError, tables: &[&'static TableSchema]) -> Option<Error> {
    if *detail.code() != SqlState::UNIQUE_VIOLATION {
        return None;
    }
    let table = tables.iter().find(|table| Some(table.name) == detail.table())?;
    let number = (0..table.unique.len())
        .find(|number| Some(unique_index(table, *number).as_str()) == detail.constraint());
    let columns = match number {
        Some(number) => table.unique[number].iter().map(|c| table.columns[*c].name).collect(),
        None => vec![table.key_column().name],
    };
    Some(duplicate(table, &columns))
}

/// Whether the server said what became of the statement; if not, a commit may have happened.
pub(crate) fn is_answered(error: &tokio_postgres::Error) -> bool {
    error.code().is_some()
}

fn classify(code: &SqlState) -> (ErrorKind, &'static str) {
    match code.code() {
        STALE | "40001" | "40P01" => (ErrorKind::Conflict, "somebody else changed the same data"),
        "23505" => (ErrorKind::Duplicate, "a unique key is taken"),
        "57014" => (ErrorKind::Timeout, "the statement took longer than allowed"),
        "55P03" => (ErrorKind::Timeout, "a lock took longer than allowed"),
        "42501" | "28000" | "28P01" => (ErrorKind::Forbidden, "the database refused access"),
        "42P01" | "42703" | "3F000" => {
            (ErrorKind::Unsupported, "a table or column is missing: run the migration")
        }
        code => match &code[..2] {
            "08" | "53" | "57" | "58" => (ErrorKind::Unavailable, "the database is not available"),
            "22" | "23" => (ErrorKind::Invalid, "the database refused a value"),
            "XX" => (ErrorKind::Corrupt, "the database reports damage"),
            _ => (ErrorKind::Unsupported, "the database refused the statement"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sqlstate_has_its_kind() {
        let table = [
            (STALE, ErrorKind::Conflict),
            ("40001", ErrorKind::Conflict),
            ("40P01", ErrorKind::Conflict),
            ("23505", ErrorKind::Duplicate),
            ("57014", ErrorKind::Timeout),
            ("57P01", ErrorKind::Unavailable),
            ("53300", ErrorKind::Unavailable),
            ("08006", ErrorKind::Unavailable),
            ("22P02", ErrorKind::Invalid),
            ("23502", ErrorKind::Invalid),
            ("42501", ErrorKind::Forbidden),
            ("42P01", ErrorKind::Unsupported),
            ("XX001", ErrorKind::Corrupt),
        ];
        for (code, kind) in table {
            assert_eq!(classify(&SqlState::from_code(code)).0, kind, "{code}");
        }
    }
}
