//! The same work without idp: plain types, serde and SQL, as somebody careful writes it.

mod event;
mod plan;
mod rusqlite_transaction;
mod sqlx_transaction;
mod tokio_postgres_statement;

pub(crate) use rusqlite_transaction::{Calling, RusqliteTransaction};
pub(crate) use sqlx_transaction::SqlxTransaction;
pub(crate) use tokio_postgres_statement::TokioPostgresStatement;
