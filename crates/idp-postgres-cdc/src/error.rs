//! Errors of the two clients, in idp's words.

use idp_application::{Error, ErrorKind};
use pgwire_replication::PgWireError;
use tokio_postgres::error::SqlState;

/// Of the replication connection.
pub(crate) fn of_stream(error: PgWireError) -> Error {
    let (kind, message) = match &error {
        PgWireError::Server(message) if message.contains("55000") => {
            // object_not_in_prerequisite_state: logical decoding is off.
            (ErrorKind::Unsupported, "the server does not stream changes: is `wal_level` logical?")
        }
        PgWireError::Server(message) if message.contains("53400") => {
            (ErrorKind::Unavailable, "all replication slots are in use")
        }
        PgWireError::Server(message) if message.contains("42501") => {
            (ErrorKind::Forbidden, "the user may not stream changes: it needs REPLICATION")
        }
        PgWireError::Auth(_) => (ErrorKind::Forbidden, "the user could not be authenticated"),
        _ => (ErrorKind::Unavailable, "the stream of changes was lost"),
    };
    Error::new(kind, "watch changes", message).with_source(error)
}

/// Of the connection beside it.
pub(crate) fn of_query(error: tokio_postgres::Error) -> Error {
    let (kind, message) = match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            (ErrorKind::Forbidden, "the user may not publish the outbox")
        }
        Some(&SqlState::UNDEFINED_TABLE) => {
            (ErrorKind::Invalid, "there is no outbox: have the tables been made?")
        }
        _ => (ErrorKind::Unavailable, "the database could not be asked"),
    };
    Error::new(kind, "watch changes", message).with_source(error)
}
