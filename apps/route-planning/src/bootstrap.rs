//! The only place that knows which technology is behind each port.

use crate::board::{BoardRow, RoutePlanBoard};
use crate::outlet::Outlet;
use crate::settings::{Database, LogSettings, Postgres, RelaySettings};
use idp::application::{
    Backend, BoxError, Clock, CommitWatch, IdSource, LogKeeping, LogLag, OutboxLog, PurgePolicy,
    RelayLog, Store, SystemClock, UuidV7Ids, WorkerId,
};
use idp::domain::{Record, TableSchema};
use idp::keeper::{
    ArchiveConfig, DirectoryArchive, Keeper, KeeperConfig, KeeperHandle, RecordedLanes,
};
use idp::postgres::{PgNotify, PgNotifyOptions, PgOptions, PgStore};
use idp::prelude::*;
use idp::projection::{Projector, ProjectorConfig, ProjectorHandle};
use idp::relay::{EventFilter, Relay, RelayConfig, RelayHandle, Target, WakeUp, WakeUpHandle};
use idp::sqlite::{SqliteOptions, SqliteStore};
use idp::telemetry::{SamplingHandle, Telemetry, TelemetryConfig};
use route_planning_domain::RoutePlan;
use std::sync::Arc;

const TABLES: &[&TableSchema] = &[RoutePlan::SCHEMA, BoardRow::SCHEMA];

/// The application and the database behind it.
pub struct Core {
    /// Runs the use cases.
    pub app: Application,
    /// Counts what it, the relay and the projector do.
    pub telemetry: Telemetry,
    backend: Arc<dyn Backend>,
    /// How commits of other processes are noticed, the best way first.
    watches: Vec<Arc<dyn CommitWatch>>,
}

impl Core {
    /// Opens the database, and makes the tables where they are missing.
    pub async fn open(database: &Database) -> Result<Self, BoxError> {
        match database {
            Database::Sqlite(file) => {
                let store = SqliteStore::open(file, SqliteOptions::default())?;
                Ok(Self::over(Arc::new(store)).await?)
            }
            Database::Postgres(Postgres { url, partition_size }) => {
                let partition_size = *partition_size;
                let options = PgOptions { partition_size, ..PgOptions::default() };
                let store = PgStore::connect(url.reveal(), options).await?;
                let notify = PgNotify::of(&store, PgNotifyOptions::default())?;
                let core = Self::over(Arc::new(store)).await?;
                Ok(Self { watches: vec![Arc::new(notify)], ..core })
            }
        }
    }

    /// The same over a database that is open already.
    pub async fn over(backend: Arc<dyn Backend>) -> Result<Self, Error> {
        backend.migrate(TABLES).await?;
        let telemetry = Telemetry::new(TelemetryConfig::default())?;
        let app = Application::builder(Arc::clone(&backend) as Arc<dyn Store>)
            .observer(Arc::new(telemetry.clone()))
            .build();
        Ok(Self { app, telemetry, backend, watches: Vec::new() })
    }

    /// Notices the commits of other processes from now on; without it, and where nothing watches
    /// them, they are found by polling.
    pub fn start_wake_up(&self) -> WakeUpHandle {
        WakeUp::new(self.app.committed(), self.watches.clone()).start()
    }

    /// Carries events to where they are to go, from now on.
    pub async fn start_relay(&self, settings: &RelaySettings) -> Result<RelayHandle, BoxError> {
        let config =
            RelayConfig { poll_interval: settings.poll_interval, ..RelayConfig::default() };
        let Outlet { name, bus } = Outlet::open(&settings.bus).await?;
        self.relay(Target::new(name, bus), settings, config)
    }

    /// Carries a part of the log there once more, as a target of that name. It ends by itself.
    pub async fn start_replay(
        &self,
        name: &str,
        part: EventFilter,
        settings: &RelaySettings,
    ) -> Result<RelayHandle, BoxError> {
        let config = RelayConfig { ends_when_drained: true, ..RelayConfig::default() };
        let Outlet { bus, .. } = Outlet::open(&settings.bus).await?;
        self.relay(Target::new(name, bus).only(part), settings, config)
    }

    fn relay(
        &self,
        target: Target,
        settings: &RelaySettings,
        config: RelayConfig,
    ) -> Result<RelayHandle, BoxError> {
        let log = Arc::clone(&self.backend) as Arc<dyn RelayLog>;
        let target = target.source(Outlet::SOURCE).topic(settings.topic.clone());
        let relay = Relay::new(target, config, log, worker(), self.app.committed())?;
        Ok(relay.observer(Arc::new(self.telemetry.clone())).start())
    }

    /// The database, for operators.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Whether a reader of the log of that name is the service's own, and no target.
    pub fn reads_for_itself(reader: &str) -> bool {
        reader == RoutePlanBoard::NAME || reader == archive_config().reader
    }

    /// Keeps the board from now on.
    pub fn start_projector(&self) -> Result<ProjectorHandle, Error> {
        let config = ProjectorConfig::default();
        let backend = Arc::clone(&self.backend);
        let committed = self.app.committed();
        let projector = Projector::new(config, RoutePlanBoard, backend, worker(), committed)?;
        Ok(projector.observer(Arc::new(self.telemetry.clone())).start())
    }

    /// Keeps the log small from now on, if that is wanted.
    pub fn start_keeper(&self, settings: &LogSettings) -> Result<Option<KeeperHandle>, BoxError> {
        let Some(keep_for) = settings.keep_for else { return Ok(None) };
        let policy = PurgePolicy { keep_for, ..PurgePolicy::default() };
        let config =
            KeeperConfig { policy, interval: settings.interval, ..KeeperConfig::default() };
        let keeping = Arc::clone(&self.backend) as Arc<dyn LogKeeping>;
        let mut keeper = Keeper::new(config, keeping, worker(), Arc::new(SystemClock))?;
        if let Some(folder) = &settings.archive {
            let folder = DirectoryArchive::open(folder).map_err(|e| format!("log.archive: {e}"))?;
            let log = Arc::clone(&self.backend) as Arc<dyn OutboxLog>;
            keeper = keeper.archiving(archive_config(), log, Arc::new(folder))?;
        }
        Ok(Some(keeper.observer(Arc::new(self.telemetry.clone())).start()))
    }

    /// What the database says was archived.
    pub async fn archived(&self) -> Result<RecordedLanes, Error> {
        RecordedLanes::read(&*self.backend, &archive_config(), worker()).await
    }

    /// Looks from now on how far readers are behind.
    pub fn start_sampling(&self) -> SamplingHandle {
        let log = Arc::clone(&self.backend) as Arc<dyn LogLag>;
        self.telemetry.start_sampling(log)
    }
}

/// Plans are in clear in the database, and so they are in its archive.
fn archive_config() -> ArchiveConfig {
    ArchiveConfig::clear_text()
}

/// A worker that there never was before.
fn worker() -> WorkerId {
    WorkerId(UuidV7Ids::default().next(SystemClock.now()))
}
