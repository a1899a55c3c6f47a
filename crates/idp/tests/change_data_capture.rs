//! Commits are noticed in the write-ahead log of a real PostgreSQL.

use idp_application::{Application, CommitSignal, CommitWatch, Context, Error, ErrorKind, Migrate};
use idp_domain::TenantId;
use idp_postgres::{PgOptions, PgStore};
use idp_postgres_cdc::{CdcConfig, PgCdc};
use idp_relay::{WakeUp, WakeUpConfig, WakeUpStep};
use idp_testkit::{TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough for what should not happen to show.
const MOMENT: Duration = Duration::from_millis(400);

/// A schema of its own on the server.
struct Database {
    url: String,
    schema: String,
    store: Arc<PgStore>,
    admin: Client,
}

impl Database {
    async fn new(schema: &str) -> Self {
        let url = std::env::var("IDP_TEST_PG")
            .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
        let (admin, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a server");
        tokio::spawn(connection);
        let schema = format!("cdc_{schema}");
        let make = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        admin.batch_execute(&make).await.expect("a new schema");
        let options = PgOptions { schema: Some(schema.clone()), ..PgOptions::default() };
        let store = Arc::new(PgStore::connect(&url, options).await.expect("a server"));
        store.migrate(TALLY_TABLES).await.expect("the tables can be made");
        Self { url, schema, store, admin }
    }

    fn config(&self) -> CdcConfig {
        let schema = Some(self.schema.clone());
        CdcConfig { schema, guard_interval: Duration::from_millis(200), ..CdcConfig::default() }
    }

    fn cdc(&self, config: CdcConfig) -> PgCdc {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}application_name={}", self.url, self.schema);
        PgCdc::new(&url, config).expect("valid")
    }

    /// As another process would.
    async fn commit(&self) {
        let app = Application::new(self.store.clone());
        let unit = app.begin(context());
        unit.add(tally(&unit.handle())).expect("new");
        unit.commit().await.expect("committed");
    }

    /// How many slots the watches of this schema have.
    async fn slots(&self) -> i64 {
        const SLOTS: &str = "SELECT count(*) FROM pg_replication_slots AS s \
            JOIN pg_stat_activity AS a ON a.pid = s.active_pid WHERE a.application_name = $1";
        self.admin.query_one(SLOTS, &[&self.schema]).await.expect("a count").get(0)
    }

    async fn until_no_slot_is_left(&self) {
        let gone = async {
            while self.slots().await > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, gone).await.expect("the slot goes with its connection");
    }

    async fn kill_walsender(&self) {
        const KILL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE application_name = $1 AND backend_type = 'walsender'";
        let killed: i64 =
            self.admin.query_one(KILL, &[&self.schema]).await.expect("a count").get(0);
        assert_eq!(killed, 1);
    }
}

fn context() -> Context {
    let tenant = TenantId::new("acme").expect("valid");
    Context::new(tenant, idp_application::Actor::new("ann"))
}

fn tally(uow: &idp_application::Uow) -> Tally {
    let mut tally = Tally::new(uow.new_id::<TallyId>());
    tally.count(1);
    tally
}

struct Watching {
    signal: CommitSignal,
    task: JoinHandle<Error>,
}

impl Watching {
    async fn begin(cdc: PgCdc) -> Self {
        let signal = CommitSignal::default();
        let (began, begun) = oneshot::channel();
        let rung = signal.clone();
        let watching = Box::new(move || began.send(()).expect("it is waited for"));
        let task = tokio::spawn(async move { cdc.watch(&rung, watching).await });

        timeout(PATIENCE, begun).await.expect("in time").expect("it begins");
        Self { signal, task }
    }

    async fn end(self) -> Error {
        timeout(PATIENCE, self.task).await.expect("it ends").expect("no panic")
    }
}

#[tokio::test]
async fn a_commit_of_another_process_rings() {
    let database = Database::new("rings").await;
    let watching = Watching::begin(database.cdc(database.config())).await;
    let mut rings = watching.signal.listen();
    for _ in 0..3 {
        database.commit().await;
        timeout(PATIENCE, rings.rung()).await.expect("it rings");
    }
    assert_eq!(database.slots().await, 1);
    watching.task.abort();
    database.until_no_slot_is_left().await;
}

#[tokio::test]
async fn what_is_rolled_back_or_elsewhere_does_not_ring() {
    let (database, elsewhere) = (Database::new("quiet").await, Database::new("loud").await);
    let watching = Watching::begin(database.cdc(database.config())).await;
    let mut rings = watching.signal.listen();
    elsewhere.commit().await;
    let schema = &database.schema;
    let rolled_back = format!(
        "BEGIN; INSERT INTO {schema}.idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, \
         aggregate_version, type, schema_id, schema_version, payload, metadata, content_hash, \
         occurred_at) VALUES (0, gen_random_uuid(), 'acme', 'tally', gen_random_uuid(), 1, 't', \
         't', 1, '{{}}', '{{}}', 'x', now()); ROLLBACK"
    );
    database.admin.batch_execute(&rolled_back).await.expect("rolled back");
    assert!(timeout(MOMENT, rings.rung()).await.is_err());
    database.commit().await;
    timeout(PATIENCE, rings.rung()).await.expect("it rings");
}

#[tokio::test]
async fn a_long_transaction_holds_up_nobody() {
    let database = Database::new("long").await;
    let watching = Watching::begin(database.cdc(database.config())).await;
    let mut rings = watching.signal.listen();
    let options = PgOptions { schema: Some(database.schema.clone()), ..PgOptions::default() };
    let other = PgStore::connect(&database.url, options).await.expect("a server");
    drop(other);
    let (long, connection) = tokio_postgres::connect(&database.url, NoTls).await.expect("a server");
    tokio::spawn(connection);
    let begin = format!("BEGIN; CREATE TABLE {}.own (x int)", database.schema);
    long.batch_execute(&begin).await.expect("begun");
    database.commit().await;
    timeout(PATIENCE, rings.rung()).await.expect("it rings meanwhile");
    long.batch_execute("ROLLBACK").await.expect("ended");
}

#[tokio::test]
async fn a_watch_whose_stream_is_killed_says_so_and_leaves_no_slot() {
    let database = Database::new("killed").await;
    let watching = Watching::begin(database.cdc(database.config())).await;
    database.kill_walsender().await;
    let error = watching.end().await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    database.until_no_slot_is_left().await;
}

#[tokio::test]
async fn a_slot_for_which_the_server_keeps_too_much_is_given_up() {
    let database = Database::new("guarded").await;
    let config = CdcConfig { retained_bytes_max: 1, ..database.config() };
    let watching = Watching::begin(database.cdc(config)).await;
    // A transaction that writes keeps the log from its start on.
    let (long, connection) = tokio_postgres::connect(&database.url, NoTls).await.expect("a server");
    tokio::spawn(connection);
    let begin = format!("BEGIN; CREATE TABLE {}.own AS SELECT 1", database.schema);
    long.batch_execute(&begin).await.expect("begun");
    let error = watching.end().await;
    assert!(error.message().contains("1 are allowed"), "{error}");
    database.until_no_slot_is_left().await;
    long.batch_execute("ROLLBACK").await.expect("ended");
}

#[tokio::test]
async fn the_ladder_falls_back_and_comes_back() {
    let database = Database::new("ladder").await;
    let signal = CommitSignal::default();
    let retry_interval = Duration::from_millis(300);
    let config = WakeUpConfig { retry_interval, ..WakeUpConfig::default() };
    let cdc = Arc::new(database.cdc(database.config()));
    let ladder = WakeUp::new(&signal, vec![cdc]).with_config(config).expect("valid").start();
    let mut steps = ladder.changes();
    let mut comes_to = async |step| {
        let came = timeout(PATIENCE, steps.wait_for(|now| *now == step)).await;
        drop(came.expect("it should come to that").expect("the ladder is in use"));
    };
    comes_to(WakeUpStep::Watching("cdc")).await;
    database.kill_walsender().await;
    comes_to(WakeUpStep::Polling).await;
    comes_to(WakeUpStep::Watching("cdc")).await;
    drop(ladder);
    database.until_no_slot_is_left().await;
}

#[tokio::test]
async fn a_schema_without_an_outbox_and_a_wrong_url_are_refused_with_the_reason() {
    let database = Database::new("empty").await;
    let drop_it = format!("DROP TABLE {}.idp_outbox CASCADE", database.schema);
    database.admin.batch_execute(&drop_it).await.expect("dropped");
    let signal = CommitSignal::default();
    let error = database.cdc(database.config()).watch(&signal, Box::new(|| {})).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let error = PgCdc::new("no url", CdcConfig::default()).expect_err("no URL");
    assert!(error.message().contains("bad URL"), "{error}");
}

#[tokio::test]
async fn attempts_beside_a_long_transaction_leave_nothing_behind() {
    let database = Database::new("patient").await;
    database.admin.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.expect("it runs");
    let (observer, connection) =
        tokio_postgres::connect(&database.url, NoTls).await.expect("a server");
    tokio::spawn(connection);
    let (short, limit) = (Duration::from_millis(50), Duration::from_millis(100));
    let config = CdcConfig { begin_timeout: limit, ..database.config() };
    let signal = CommitSignal::default();
    let config_of_ladder = WakeUpConfig { retry_interval: short, start_timeout: short };
    let ladder = WakeUp::new(&signal, vec![Arc::new(database.cdc(config))]);
    let ladder = ladder.with_config(config_of_ladder).expect("valid").start();
    const SENDERS: &str = "SELECT count(*) FROM pg_stat_activity \
        WHERE application_name = $1 AND backend_type = 'walsender'";
    let mut most = 0;
    for _ in 0..40 {
        let senders: i64 =
            observer.query_one(SENDERS, &[&database.schema]).await.expect("a count").get(0);
        most = most.max(senders);
        tokio::time::sleep(short).await;
    }
    assert!((1..=4).contains(&most), "{most} senders waited at once");
    assert_eq!(ladder.step(), WakeUpStep::Polling);
    database.admin.batch_execute("COMMIT").await.expect("it ends");
    drop(ladder);
    database.until_no_slot_is_left().await;
}

#[tokio::test]
async fn a_publication_that_would_be_silent_is_refused() {
    let database = Database::new("silent").await;
    let name = format!(
        "SET search_path = {}; SELECT 'idp_outbox_' || md5(current_schema())",
        database.schema
    );
    let answers = database.admin.simple_query(&name).await.expect("a name");
    let name = answers.iter().find_map(|answer| match answer {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    let name = name.expect("a name");
    let make = format!("CREATE PUBLICATION \"{name}\" WITH (publish = 'insert')");
    database.admin.batch_execute(&make).await.expect("an empty publication");
    let signal = CommitSignal::default();
    let ended = database.cdc(database.config());
    let ended = timeout(PATIENCE, ended.watch(&signal, Box::new(|| panic!("it watches")))).await;
    let error = ended.expect("in time");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains(&name), "{error}");
    database.admin.batch_execute(&format!("DROP PUBLICATION \"{name}\"")).await.expect("dropped");
}
