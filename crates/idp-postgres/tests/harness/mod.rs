//! A schema of its own on the server that `IDP_TEST_PG` names, for each test.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of the harness")]

use idp_application::{
    Backend, BoxFuture, ChangeSet, Error, LogKeeping, LogLag, Migrate, RelayLog, Store,
};
use idp_conformance::log_keeping::KeepingHarness;
use idp_conformance::log_lag::LagHarness;
use idp_conformance::{AuditColumns, Capabilities, Harness, sample};
use idp_domain::{TableSchema, TenantId, Timestamp, Uuid};
use idp_postgres::{PgOptions, PgStore};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

/// The lock on which slow commits wait.
const SLOW: &str = "SELECT pg_advisory_lock(7, hashtext(current_schema()))";
const GO: &str = "SELECT pg_advisory_unlock(7, hashtext(current_schema()))";

/// Makes commits of sessions with `idp.slow = on` wait, after everything is written and before it
/// is visible, for whoever holds the lock above.
const SLOW_COMMITS: &str = "
    CREATE FUNCTION wait_for_go() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock(7, hashtext(current_schema()));
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON idp_outbox
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (current_setting('idp.slow', true) = 'on') EXECUTE FUNCTION wait_for_go()";

pub struct PgHarness {
    url: String,
    schema: String,
    store: Arc<PgStore>,
    control: Client,
}

/// The log is only inserted into, and nobody may rely on more than that if anything updates it:
/// Debezium's event router, above all, takes an update for a mistake.
const NO_UPDATES: &str = "
    CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'the log is only inserted into';
    END $$;
    CREATE TRIGGER no_updates BEFORE UPDATE ON idp_outbox
      FOR EACH ROW EXECUTE FUNCTION refuse_update()";

impl PgHarness {
    pub async fn start() -> Self {
        Self::with_partitions_of(PARTITION_SIZE).await
    }

    /// With partitions of so many positions.
    pub async fn with_partitions_of(positions: u32) -> Self {
        let url = std::env::var("IDP_TEST_PG")
            .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
        let schema = format!("t{}", uuid_v4().simple());
        let admin = client(&url, None).await;
        admin.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("a new schema");
        let store = connect_with_partitions_of(&url, &schema, positions).await;
        store.migrate(sample::TABLES).await.expect("the tables can be made");
        let control = client(&url, Some(&schema)).await;
        control.batch_execute(SLOW_COMMITS).await.expect("the trigger can be made");
        control.batch_execute(NO_UPDATES).await.expect("the trigger can be made");
        Self { url, schema, store: Arc::new(store), control }
    }

    /// The store itself.
    pub fn store(&self) -> &PgStore {
        &self.store
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        let config: tokio_postgres::Config = self.url.parse().expect("IDP_TEST_PG is a URL");
        let host = match &config.get_hosts()[0] {
            Host::Tcp(host) => host.clone(),
            other => panic!("IDP_TEST_PG names a host, got {other:?}"),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let mut addresses = (host.as_str(), port).to_socket_addrs().expect("the host is known");
        addresses.next().expect("a host has an address")
    }

    /// A connection to the schema, beside the store.
    pub fn control(&self) -> &Client {
        &self.control
    }

    /// Another one.
    pub async fn another_control(&self) -> Client {
        client(&self.url, Some(&self.schema)).await
    }

    /// Ends when a connection of a store to the schema waits for a lock.
    pub async fn wait_until_a_lock_is_waited_for(&self) {
        const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
            WHERE application_name = $1 AND wait_event_type = 'Lock'";
        let watcher = self.another_control().await;
        until_it_counts(&watcher, WAITING, &[&self.schema], "nobody waits for a lock").await;
    }

    /// Another store on the same schema, through a proxy on that port.
    pub async fn connect_through(&self, port: u16) -> PgStore {
        let address = self.address();
        let (host, own) = (address.ip(), address.port());
        let through = self.url.replace(&format!("{host}:{own}"), &format!("127.0.0.1:{port}"));
        assert_ne!(through, self.url, "IDP_TEST_PG names an address and a port");
        connect(&through, &self.schema).await
    }

    /// Another store on the same schema, whose commits wait as `hold_slow_commits` says.
    pub async fn connect_slowly(&self) -> PgStore {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}options=-c%20idp.slow%3Don", self.url);
        connect(&url, &self.schema).await
    }

    /// Another store on the same schema, whose connections ask for that setting.
    pub async fn connect_with(&self, setting: &str) -> PgStore {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let setting = setting.replace('=', "%3D");
        connect(&format!("{}{separator}options=-c%20{setting}", self.url), &self.schema).await
    }

    /// Makes slow commits wait from now on.
    pub async fn hold_slow_commits(&self) -> Hold {
        let control = client(&self.url, Some(&self.schema)).await;
        control.batch_execute(SLOW).await.expect("the lock is free");
        Hold { control }
    }

    /// Ends every connection of stores to the schema. Gives their number.
    pub async fn kill_connections(&self) -> i64 {
        const KILL: &str = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
            WHERE application_name = $1";
        let row = self.control.query_one(KILL, &[&self.schema]).await;
        row.expect("the connections can be ended").get(0)
    }
}

/// While it is held, slow commits wait after everything is written and before it is visible.
pub struct Hold {
    control: Client,
}

impl Hold {
    /// Ends when a commit waits.
    pub async fn wait_until_one_waits(&self) {
        const WAITING: &str = "SELECT count(*) FROM pg_locks
            WHERE locktype = 'advisory' AND NOT granted AND classid = 7
              AND objid::bigint = (hashtext(current_schema())::bigint & 4294967295)";
        let otherwise = "the slow commit never reached its end";
        until_it_counts(&self.control, WAITING, &[], otherwise).await;
    }

    /// Lets them finish.
    pub async fn let_go(self) {
        self.control.batch_execute(GO).await.expect("the lock is held");
    }
}

/// Ends when the query counts something. That takes as long as the machine is busy with other tests.
async fn until_it_counts(
    client: &Client,
    query: &str,
    parameters: &[&(dyn ToSql + Sync)],
    otherwise: &str,
) {
    const PATIENCE: Duration = Duration::from_secs(30);
    const PAUSE: Duration = Duration::from_millis(5);
    let asking = async {
        loop {
            let row = client.query_one(query, parameters).await.expect("the server answers");
            if row.get::<_, i64>(0) > 0 {
                return;
            }
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{otherwise}"));
}

fn uuid_v4() -> Uuid {
    use std::hash::{BuildHasher, RandomState};
    let random = || u128::from(RandomState::new().hash_one(std::process::id()));
    Uuid::from_u128(random() << 64 | random())
}

/// How many positions a partition has: so few that each test fills several.
const PARTITION_SIZE: u32 = 10;

async fn connect(url: &str, schema: &str) -> PgStore {
    connect_with_partitions_of(url, schema, PARTITION_SIZE).await
}

async fn connect_with_partitions_of(url: &str, schema: &str, partition_size: u32) -> PgStore {
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = &format!("{url}{separator}application_name={schema}");
    let schema = Some(schema.into());
    let options = PgOptions { schema, partition_size, ..PgOptions::default() };
    PgStore::connect(url, options).await.expect("the server can be reached")
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

impl Harness for PgHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.store) as Arc<dyn Backend>
    }

    async fn second_process(&self) -> Arc<dyn Backend> {
        Arc::new(connect(&self.url, &self.schema).await)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::server()
    }

    async fn audit(
        &self,
        tenant: &TenantId,
        table: &'static TableSchema,
        key: Uuid,
    ) -> Option<AuditColumns> {
        let sql = format!(
            "SELECT to_jsonb(t)::text FROM \"{}\" AS t WHERE tenant_id = $1 AND \"{}\"::text = $2",
            table.name,
            table.key_column().name
        );
        let parameters: [&(dyn ToSql + Sync); 2] = [&tenant.as_str(), &key.to_string()];
        let rows = self.control.query(&sql, &parameters).await.expect("the row can be read");
        let row: serde_json::Value =
            serde_json::from_str(rows.first()?.get(0)).expect("PostgreSQL writes JSON");
        let text = |column: &str| row.get(column)?.as_str().map(str::to_owned);
        let time = |column: &str| -> Option<Timestamp> {
            text(column).map(|text| text.parse().expect("an instant"))
        };
        Some(AuditColumns {
            created_at: time("created_at"),
            created_by: text("created_by"),
            updated_at: time("updated_at"),
            updated_by: text("updated_by"),
            deleted_at: time("deleted_at"),
            deleted_by: text("deleted_by"),
        })
    }

    async fn begin_slow_commit(&self, changes: ChangeSet) -> BoxFuture<'static, Result<(), Error>> {
        let hold = self.hold_slow_commits().await;
        let slow = self.connect_slowly().await;
        let commit = tokio::spawn(async move { slow.commit(changes).await.map(drop) });
        hold.wait_until_one_waits().await;
        Box::pin(async move {
            hold.let_go().await;
            commit.await.expect("the commit does not panic")
        })
    }
}

impl KeepingHarness for PgHarness {
    fn keeping(&self) -> Arc<dyn LogKeeping> {
        Arc::clone(&self.store) as Arc<dyn LogKeeping>
    }

    fn relay_log(&self) -> Arc<dyn RelayLog> {
        Arc::clone(&self.store) as Arc<dyn RelayLog>
    }
}

impl Drop for PgHarness {
    fn drop(&mut self) {
        let (url, schema) = (self.url.clone(), self.schema.clone());
        // A test's runtime cannot be blocked on from within: another thread cleans up.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let admin = client(&url, None).await;
                // A test that failed may still hold locks.
                let drop = format!("SET lock_timeout = '5s'; DROP SCHEMA {schema} CASCADE");
                admin.batch_execute(&drop).await.expect("the schema can be dropped");
            });
        });
        let cleaned = cleaner.join();
        assert!(cleaned.is_ok() || std::thread::panicking(), "the schema was not dropped");
    }
}

impl LagHarness for PgHarness {
    fn lag(&self) -> Arc<dyn LogLag> {
        Arc::clone(&self.store) as Arc<dyn LogLag>
    }
}
