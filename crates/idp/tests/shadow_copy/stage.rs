//! The stores, each with a place of its own.

use idp_application::{Backend, Migrate};
use idp_domain::Uuid;
use idp_memory::MemoryStore;
use idp_postgres::{PgOptions, PgStore};
use idp_sqlite::{SqliteOptions, SqliteStore};
use idp_testkit::TALLY_TABLES;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A migrated store. What was made for it goes with the stage.
pub(crate) struct Stage {
    pub(crate) backend: Arc<dyn Backend>,
    /// The same store, whose commits stay open for a while after everything is written; on PostgreSQL
    /// only, where others commit meanwhile.
    pub(crate) slow: Option<Arc<dyn Backend>>,
    /// Where the archive is, and the file of a store that has one.
    pub(crate) folder: TempDir,
    schema: Option<Schema>,
}

impl Stage {
    pub(crate) async fn memory() -> Self {
        let store = Arc::new(MemoryStore::default());
        store.migrate(TALLY_TABLES).await.expect("a new store has no tables");
        Self { backend: store, slow: None, folder: folder(), schema: None }
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = folder();
        let options = SqliteOptions::default();
        let store = SqliteStore::open(folder.path().join("test.db"), options).expect("it opens");
        store.migrate(TALLY_TABLES).await.expect("a new file has no tables");
        Self { backend: Arc::new(store), slow: None, folder, schema: None }
    }

    pub(crate) async fn postgres() -> Self {
        let schema = Schema::make().await;
        let store = schema.connect("").await;
        store.migrate(TALLY_TABLES).await.expect("a new schema has no tables");
        schema.client.batch_execute(SLOW_COMMITS).await.expect("the trigger can be made");
        let slow: Arc<dyn Backend> = Arc::new(schema.connect("idp.slow=on").await);
        let (backend, folder) = (Arc::new(store), folder());
        Self { backend, slow: Some(slow), folder, schema: Some(schema) }
    }

    /// Changes a function of the store.
    pub(crate) async fn sabotage(&self, function: &str, right: &str, wrong: &str) {
        let client = &self.schema.as_ref().expect("it is on PostgreSQL").client;
        const DEFINITION: &str = "SELECT pg_get_functiondef($1::text::regproc)";
        let rows = client.query_one(DEFINITION, &[&function]).await.expect("it is there");
        let definition: String = rows.get(0);
        assert!(definition.contains(right), "{definition}");
        let changed = client.batch_execute(&definition.replace(right, wrong)).await;
        changed.expect("it can be replaced");
    }
}

/// Commits of sessions with `idp.slow = on` stay open for a fifth of a second.
const SLOW_COMMITS: &str = "
    CREATE FUNCTION stay_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_sleep(0.2);
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON idp_outbox
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (current_setting('idp.slow', true) = 'on') EXECUTE FUNCTION stay_open()";

/// A schema of its own on the server that `IDP_TEST_PG` names.
struct Schema {
    url: String,
    name: String,
    client: Client,
}

impl Schema {
    async fn make() -> Self {
        let url = std::env::var("IDP_TEST_PG")
            .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
        let random = || u128::from(RandomState::new().hash_one(std::process::id()));
        let name = format!("t{}", Uuid::from_u128(random() << 64 | random()).simple());
        let admin = client(&url, None).await;
        admin.batch_execute(&format!("CREATE SCHEMA {name}")).await.expect("a new schema");
        let client = client(&url, Some(&name)).await;
        Self { url, name, client }
    }

    /// A store whose connections ask for that setting. Its partitions are small.
    async fn connect(&self, setting: &str) -> PgStore {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let url = match setting {
            "" => self.url.clone(),
            setting => {
                let setting = setting.replace('=', "%3D");
                format!("{}{separator}options=-c%20{setting}", self.url)
            }
        };
        let schema = Some(self.name.clone());
        let options = PgOptions { schema, partition_size: 20, ..PgOptions::default() };
        PgStore::connect(&url, options).await.expect("the server can be reached")
    }
}

async fn client(url: &str, schema: Option<&str>) -> Client {
    let mut config: tokio_postgres::Config = url.parse().expect("IDP_TEST_PG is a URL");
    if let Some(schema) = schema {
        config.options(format!("-c search_path={schema}"));
    }
    let (client, connection) = config.connect(NoTls).await.expect("the server can be reached");
    tokio::spawn(connection);
    client
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        // A test's runtime cannot be blocked on from within: another thread cleans up.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let drop = format!("SET lock_timeout = '5s'; DROP SCHEMA {name} CASCADE");
                client(&url, None).await.batch_execute(&drop).await.expect("it can be dropped");
            });
        });
        let cleaned = cleaner.join();
        assert!(cleaned.is_ok() || std::thread::panicking(), "the schema was not dropped");
    }
}
