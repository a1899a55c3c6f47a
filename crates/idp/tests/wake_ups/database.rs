//! A database of its own for each test, which several processes open.

use idp_application::{Backend, CommitWatch};
use idp_postgres::{PgNotify, PgNotifyOptions, PgOptions, PgStore};
use idp_postgres_cdc::{CdcConfig, PgCdc};
use idp_sqlite::{SqliteOptions, SqliteStore};
use idp_testkit::TALLY_TABLES;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Sqlite,
}

pub(crate) enum Database {
    Postgres { url: String, schema: String, admin: Client },
    Sqlite(TempDir),
}

/// What a process has open.
pub(crate) enum Opened {
    Postgres(Arc<PgStore>),
    Sqlite(Arc<SqliteStore>),
}

impl Opened {
    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Postgres(store) => store.clone(),
            Self::Sqlite(store) => store.clone(),
        }
    }

    /// Notifies the other processes of a PostgreSQL database, and is notified.
    pub(crate) fn notify(&self) -> Arc<dyn CommitWatch> {
        let Self::Postgres(store) = self else { panic!("only PostgreSQL has NOTIFY") };
        Arc::new(PgNotify::of(store, PgNotifyOptions::default()).expect("valid"))
    }
}

impl Database {
    /// With the tables of tallies, and nothing in them.
    pub(crate) async fn new(kind: Kind, name: &str) -> Self {
        let database = match kind {
            Kind::Postgres => new_schema(name).await,
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a temporary folder")),
        };
        let opened = database.open().await.backend();
        opened.migrate(TALLY_TABLES).await.expect("there are no tables yet");
        database
    }

    /// Opens it anew, as another process would.
    pub(crate) async fn open(&self) -> Opened {
        match self {
            Self::Postgres { url, schema, .. } => {
                let options = PgOptions { schema: Some(schema.clone()), ..PgOptions::default() };
                let store = PgStore::connect(url, options).await.expect("the server answers");
                Opened::Postgres(Arc::new(store))
            }
            Self::Sqlite(folder) => {
                let file = folder.path().join("tallies.db");
                let store = SqliteStore::open(file, SqliteOptions::default()).expect("it opens");
                Opened::Sqlite(Arc::new(store))
            }
        }
    }

    /// Watches the write-ahead log.
    pub(crate) fn cdc(&self) -> Arc<dyn CommitWatch> {
        let Self::Postgres { url, schema, .. } = self else { panic!("only PostgreSQL has it") };
        let config = CdcConfig { schema: Some(schema.clone()), ..CdcConfig::default() };
        Arc::new(PgCdc::new(url, config).expect("valid"))
    }

    /// Removes what would stay.
    pub(crate) async fn end(self) {
        if let Self::Postgres { schema, admin, .. } = self {
            let drop = format!("DROP SCHEMA {schema} CASCADE");
            admin.batch_execute(&drop).await.expect("the schema can be dropped");
        }
    }
}

async fn new_schema(name: &str) -> Database {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let url = std::env::var("IDP_TEST_PG")
        .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
    let (admin, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a server");
    tokio::spawn(connection);
    let schema = format!("wake_{name}_{}_{number}", std::process::id());
    admin.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("a new schema");
    Database::Postgres { url, schema, admin }
}
