//! SQLite, in a file of its own for each measurement.

use super::UNIT_OF_WORK;
use super::by_hand::{Calling, RusqliteTransaction};
use super::contender::Contender;
use super::place::{CpuTimes, Place};
use super::route_plan::RoutePlan;
use super::unit_of_work::{UnitOfWork, seed};
use crate::BoxError;
use idp_application::{BoxFuture, Migrate};
use idp_domain::Record;
use idp_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const FILE: &str = "SQLite";

pub(crate) const RUSQLITE: &str = "(c) rusqlite in place";
const BLOCKING: &str = "(c) rusqlite on blocking threads";

/// A folder for the file; the file of now has a number.
pub(crate) struct Sqlite {
    folder: TempDir,
    file: Mutex<u32>,
}

impl Sqlite {
    pub(crate) fn prepare() -> Result<Self, BoxError> {
        Ok(Self { folder: tempfile::tempdir()?, file: Mutex::new(0) })
    }

    pub(crate) fn version() -> &'static str {
        rusqlite::version()
    }

    fn path(&self) -> PathBuf {
        let number = *self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.folder.path().join(format!("{number}.db"))
    }

    /// Takes another file, and removes the one before.
    fn renew(&self) -> Result<(), BoxError> {
        let old = self.path();
        for suffix in ["", "-wal", "-shm"] {
            let mut name = old.clone().into_os_string();
            name.push(suffix);
            match std::fs::remove_file(name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    async fn reseed(&self, plans: usize) -> Result<Vec<Uuid>, BoxError> {
        self.renew()?;
        let store = Arc::new(SqliteStore::open(self.path(), SqliteOptions::default())?);
        store.migrate(&[RoutePlan::SCHEMA]).await?;
        let ids = seed(store, plans).await?;
        let connection = Connection::open(self.path())?;
        connection.execute_batch("DELETE FROM idp_outbox; PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(ids)
    }

    fn contender(&self, name: &'static str) -> Result<Arc<dyn Contender>, BoxError> {
        let path = self.path();
        match name {
            UNIT_OF_WORK => {
                let store = SqliteStore::open(path, SqliteOptions::default())?;
                Ok(Arc::new(UnitOfWork::over(Arc::new(store))?))
            }
            RUSQLITE => Ok(Arc::new(RusqliteTransaction::open(&path, Calling::InPlace)?)),
            _ => Ok(Arc::new(RusqliteTransaction::open(&path, Calling::Blocking)?)),
        }
    }

    fn only_rows(&self) -> Result<String, BoxError> {
        const PLAN: &str =
            "SELECT json_array(tenant_id, version, reference, depot, stops, capacity,
            cost_tenths, status, priority, hex(driver), created_by, updated_by, deleted_by)
            FROM route_plan";
        const EVENT: &str = "SELECT json_array(tenant_id, aggregatetype, aggregate_version, type,
            schema_id, schema_version, payload, metadata) FROM idp_outbox";
        let connection = Connection::open(self.path())?;
        let text = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0));
        Ok(format!("{}\n{}", text(PLAN)?, text(EVENT)?))
    }
}

impl Place for Sqlite {
    fn title(&self) -> &'static str {
        FILE
    }

    fn contenders(&self) -> &'static [&'static str] {
        &[UNIT_OF_WORK, RUSQLITE, BLOCKING]
    }

    fn operations(&self, tasks: usize) -> usize {
        match tasks {
            1 => 1_000,
            8 => 2_400,
            _ => 4_000,
        }
    }

    fn seed(&self, plans: usize) -> BoxFuture<'_, Result<Vec<Uuid>, BoxError>> {
        Box::pin(self.reseed(plans))
    }

    fn enter(
        &self,
        contender: &'static str,
        _tasks: usize,
    ) -> BoxFuture<'_, Result<Arc<dyn Contender>, BoxError>> {
        Box::pin(async move { self.contender(contender) })
    }

    fn written(&self) -> BoxFuture<'_, Result<String, BoxError>> {
        Box::pin(async { self.only_rows() })
    }

    fn server_cpu(&self) -> BoxFuture<'_, Result<CpuTimes, BoxError>> {
        Box::pin(async { Ok(CpuTimes::new()) })
    }
}
