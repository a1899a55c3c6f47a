//! The SQLite store under the suites and under the tests of this crate: on a file in a folder of its
//! own.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use idp_application::{Backend, LogKeeping, LogLag, Migrate, RelayLog};
use idp_conformance::log_keeping::KeepingHarness;
use idp_conformance::log_lag::LagHarness;
use idp_conformance::{AuditColumns, Capabilities, Harness, sample};
use idp_domain::{TableSchema, TenantId, Timestamp, Uuid};
use idp_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The folder goes with the harness.
pub(crate) struct FileHarness {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) path: PathBuf,
    folder: TempDir,
}

impl FileHarness {
    pub(crate) async fn start() -> Self {
        Self::start_with(SqliteOptions::default()).await
    }

    pub(crate) async fn start_with(options: SqliteOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("test.db");
        let store = SqliteStore::open(&path, options).expect("a new file opens");
        store.migrate(sample::TABLES).await.expect("a new file has no tables");
        Self { store: Arc::new(store), path, folder }
    }

    /// Closes the store; the folder goes with what is returned.
    pub(crate) fn close(self) -> (TempDir, PathBuf) {
        assert_eq!(Arc::strong_count(&self.store), 1, "the test has let go of the store");
        drop(self.store);
        (self.folder, self.path)
    }
}

impl Harness for FileHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        self.store.clone()
    }

    async fn second_process(&self) -> Arc<dyn Backend> {
        let store = SqliteStore::open(&self.path, SqliteOptions::default());
        Arc::new(store.expect("the file opens twice"))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::embedded()
    }

    async fn audit(
        &self,
        tenant: &TenantId,
        table: &'static TableSchema,
        key: Uuid,
    ) -> Option<AuditColumns> {
        let sql = format!(
            "SELECT * FROM \"{}\" WHERE \"tenant_id\" = ?1 AND \"{}\" = ?2",
            table.name,
            table.key_column().name
        );
        let row = |row: &Row<'_>| Ok(audit_columns(row));
        open_as_other(&self.path)
            .query_row(&sql, params![tenant.as_str(), key.as_bytes()], row)
            .optional()
            .expect("the table can be read")
    }
}

impl KeepingHarness for FileHarness {
    fn keeping(&self) -> Arc<dyn LogKeeping> {
        self.store.clone()
    }

    fn relay_log(&self) -> Arc<dyn RelayLog> {
        self.store.clone()
    }
}

/// A column that the table lacks is as good as null.
fn audit_columns(row: &Row<'_>) -> AuditColumns {
    let time = |column: &str| {
        let micros: Option<i64> = row.get(column).unwrap_or_default();
        micros.map(Timestamp::from_unix_micros)
    };
    let text = |column: &str| row.get(column).unwrap_or_default();
    AuditColumns {
        created_at: time("created_at"),
        created_by: text("created_by"),
        updated_at: time("updated_at"),
        updated_by: text("updated_by"),
        deleted_at: time("deleted_at"),
        deleted_by: text("deleted_by"),
    }
}

/// A connection that knows nothing of the store.
pub(crate) fn open_as_other(path: &Path) -> Connection {
    Connection::open(path).expect("the file opens")
}

impl LagHarness for FileHarness {
    fn lag(&self) -> Arc<dyn LogLag> {
        self.store.clone()
    }
}
