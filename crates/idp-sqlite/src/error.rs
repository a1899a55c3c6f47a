//! Driver errors as errors of the application layer: the only place that knows SQLite's codes.

use idp_application::{Error, ErrorKind};
use idp_domain::TableSchema;
use idp_sql::duplicate;
use rusqlite::Error as DriverError;
use rusqlite::ffi::{self, ErrorCode};

/// The error for what the driver reported while doing `operation`.
pub(crate) fn translate(operation: &'static str, error: DriverError) -> Error {
    let (kind, message) = match &error {
        DriverError::SqliteFailure(code, _) => classify(*code),
        DriverError::SqlInputError { .. } => MISSING,
        DriverError::InvalidPath(_) | DriverError::NulError(_) => {
            (ErrorKind::Invalid, "the path cannot be passed to SQLite")
        }
        _ => (ErrorKind::Corrupt, "the database holds what it should not"),
    };
    Error::new(kind, operation, message).with_source(error)
}

/// The same for a write to a table: a taken unique key is named by its columns.
pub(crate) fn translate_write(
    operation: &'static str,
    table: &TableSchema,
    error: DriverError,
) -> Error {
    match taken_key(&error) {
        Some(columns) => duplicate(table, &columns).with_source(error),
        None => translate(operation, error),
    }
}

/// Whether the disk may hold a commit that failed like this, and bring it back after a crash.
pub(crate) fn leaves_commit_in_doubt(error: &DriverError) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

/// Whether another connection is at the file just now.
pub(crate) fn is_busy(error: &DriverError) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

const MISSING: (ErrorKind, &str) =
    (ErrorKind::Unsupported, "a table or column is missing: run the migration");

fn classify(code: ffi::Error) -> (ErrorKind, &'static str) {
    match (code.extended_code, code.code) {
        (ffi::SQLITE_BUSY_SNAPSHOT, _) => {
            (ErrorKind::Conflict, "another process changed the database meanwhile")
        }
        (ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY, _) => {
            (ErrorKind::Duplicate, "a unique key is taken")
        }
        (ffi::SQLITE_ERROR, _) => MISSING,
        (_, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Timeout, "another process used the database for longer than allowed")
        }
        (_, ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            (ErrorKind::Invalid, "a value breaks a rule of its column")
        }
        (_, ErrorCode::TooBig) => (ErrorKind::Invalid, "a value is larger than SQLite can keep"),
        (_, ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, "the database file is damaged"),
        (_, ErrorCode::NotADatabase) => (ErrorKind::Corrupt, "the file is not an SQLite database"),
        (_, ErrorCode::DiskFull) => (ErrorKind::Unavailable, "the disk is full"),
        (_, ErrorCode::CannotOpen) => {
            (ErrorKind::Unavailable, "the database file cannot be opened")
        }
        (_, ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (ErrorKind::Unavailable, "the database file cannot be written")
        }
        (_, ErrorCode::SystemIoFailure) => {
            (ErrorKind::Unavailable, "the disk failed to read or write")
        }
        _ => (ErrorKind::Unavailable, "the database is not available"),
    }
}

/// The columns of the unique key that was taken, without the tenant.
fn taken_key(error: &DriverError) -> Option<Vec<&str>> {
    let DriverError::SqliteFailure(code, Some(message)) = error else { return None };
    if classify(*code).0 != ErrorKind::Duplicate {
        return None;
    }
    let columns = message.strip_prefix("UNIQUE constraint failed: ")?.split(", ");
    let names = columns.filter_map(|column| column.rsplit('.').next());
    Some(names.filter(|name| *name != "tenant_id").collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::Record;

    #[test]
    fn each_code_has_its_kind() {
        let table = [
            (ffi::SQLITE_BUSY, ErrorKind::Timeout),
            (ffi::SQLITE_BUSY_RECOVERY, ErrorKind::Timeout),
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Conflict),
            (ffi::SQLITE_LOCKED, ErrorKind::Timeout),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, ErrorKind::Duplicate),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ErrorKind::Duplicate),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, ErrorKind::Invalid),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, ErrorKind::Invalid),
            (ffi::SQLITE_MISMATCH, ErrorKind::Invalid),
            (ffi::SQLITE_TOOBIG, ErrorKind::Invalid),
            (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt),
            (ffi::SQLITE_NOTADB, ErrorKind::Corrupt),
            (ffi::SQLITE_FULL, ErrorKind::Unavailable),
            (ffi::SQLITE_IOERR_FSYNC, ErrorKind::Unavailable),
            (ffi::SQLITE_CANTOPEN, ErrorKind::Unavailable),
            (ffi::SQLITE_READONLY, ErrorKind::Unavailable),
            (ffi::SQLITE_NOMEM, ErrorKind::Unavailable),
            (ffi::SQLITE_ERROR, ErrorKind::Unsupported),
        ];
        for (code, kind) in table {
            let error = DriverError::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(translate("test", error).kind(), kind, "{code}");
        }
        let other = translate("test", DriverError::QueryReturnedNoRows);
        assert_eq!(other.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_taken_key_is_named_by_its_columns_without_the_tenant() {
        let table = idp_conformance::sample::Parcel::SCHEMA;
        let error = DriverError::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_CONSTRAINT_UNIQUE),
            Some("UNIQUE constraint failed: parcel.tenant_id, parcel.reference".into()),
        );
        let error = translate_write("commit", table, error);
        assert_eq!(error.kind(), ErrorKind::Duplicate);
        assert!(error.message().contains("`reference`"), "{error}");
        assert!(!error.message().contains("tenant_id"), "{error}");
    }

    #[test]
    fn only_a_failing_disk_leaves_a_commit_in_doubt() {
        let failure = |code| DriverError::SqliteFailure(ffi::Error::new(code), None);
        assert!(leaves_commit_in_doubt(&failure(ffi::SQLITE_IOERR_FSYNC)));
        assert!(!leaves_commit_in_doubt(&failure(ffi::SQLITE_FULL)));
        assert!(!leaves_commit_in_doubt(&failure(ffi::SQLITE_BUSY)));
    }
}
