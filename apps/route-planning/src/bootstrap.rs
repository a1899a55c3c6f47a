//! The only place that knows which technology is behind each port.

use crate::board::{BoardRow, RoutePlanBoard};
use crate::settings::Database;
use idp::application::{
    Backend, BoxError, Clock, IdSource, OutboxLog, Store, SystemClock, UuidV7Ids, WorkerId,
};
use idp::domain::{Record, TableSchema};
use idp::memory::ConsoleBus;
use idp::postgres::{PgOptions, PgStore};
use idp::prelude::*;
use idp::projection::{Projector, ProjectorConfig, ProjectorHandle};
use idp::relay::{Relay, RelayConfig, RelayHandle};
use idp::sqlite::{SqliteOptions, SqliteStore};
use route_planning_domain::RoutePlan;
use std::sync::Arc;
use std::time::Duration;

const TABLES: &[&TableSchema] = &[RoutePlan::SCHEMA, BoardRow::SCHEMA];

/// The application and the database behind it.
pub struct Core {
    /// Runs the use cases.
    pub app: Application,
    backend: Arc<dyn Backend>,
}

impl Core {
    /// Opens the database, and makes the tables where they are missing.
    pub async fn open(database: &Database) -> Result<Self, BoxError> {
        let backend: Arc<dyn Backend> = match database {
            Database::Sqlite(file) => Arc::new(SqliteStore::open(file, SqliteOptions::default())?),
            Database::Postgres(url) => {
                Arc::new(PgStore::connect(url.reveal(), PgOptions::default()).await?)
            }
        };
        Ok(Self::over(backend).await?)
    }

    /// The same over a database that is open already.
    pub async fn over(backend: Arc<dyn Backend>) -> Result<Self, Error> {
        backend.migrate(TABLES).await?;
        let app = Application::new(Arc::clone(&backend) as Arc<dyn Store>);
        Ok(Self { app, backend })
    }

    /// Carries events to the console from now on.
    pub fn start_relay(&self, poll_interval: Duration) -> Result<RelayHandle, Error> {
        let config = RelayConfig { poll_interval, ..RelayConfig::for_reader("console") };
        let log = Arc::clone(&self.backend) as Arc<dyn OutboxLog>;
        let bus = Arc::new(ConsoleBus::stdout());
        Ok(Relay::new(config, log, bus, worker(), self.app.committed())?.start())
    }

    /// Keeps the board from now on.
    pub fn start_projector(&self) -> Result<ProjectorHandle, Error> {
        let config = ProjectorConfig::default();
        let backend = Arc::clone(&self.backend);
        let committed = self.app.committed();
        Ok(Projector::new(config, RoutePlanBoard, backend, worker(), committed)?.start())
    }
}

/// A worker that there never was before.
fn worker() -> WorkerId {
    WorkerId(UuidV7Ids::default().next(SystemClock.now()))
}
