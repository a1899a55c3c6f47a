//! Two relay processes on one PostgreSQL share the lanes; one is killed, the other takes over, and
//! the recorded history keeps every promise.

use idp_application::{
    Actor, Application, CommitSignal, Context, Error, Migrate, RetryPolicy, Store, Uow, WorkerId,
};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_postgres::{PgOptions, PgStore};
use idp_relay::{Relay, RelayConfig, Target};
use idp_testkit::{History, Recorder, Sink, TALLY_TABLES, Tally, TallyId, Witnessed, check};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, NoTls};

const BATCH_SIZE: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(60);

fn config() -> RelayConfig {
    RelayConfig {
        lease_ttl: Duration::from_secs(2),
        lease_margin: Duration::from_millis(200),
        heartbeat_interval: Duration::from_millis(300),
        publish_timeout: Duration::from_secs(1),
        poll_interval: Duration::from_millis(20),
        batch_size: BATCH_SIZE,
        ..RelayConfig::default()
    }
}

fn url() -> String {
    std::env::var("IDP_TEST_PG")
        .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one")
}

async fn connect(schema: &str) -> PgStore {
    let options = PgOptions { schema: Some(schema.into()), ..PgOptions::default() };
    PgStore::connect(&url(), options).await.expect("the server can be reached")
}

/// The work of a child process; in the test run itself it does nothing.
#[test]
fn relay_process() {
    let Ok(schema) = std::env::var("IDP_RELAY_SCHEMA") else { return };
    let variable = |name| std::env::var(name).expect("the parent sets it");
    let worker = WorkerId(variable("IDP_RELAY_WORKER").parse().expect("a UUID"));
    let history = PathBuf::from(variable("IDP_RELAY_HISTORY"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let log = Arc::new(connect(&schema).await);
        let recorder = Recorder::new(BATCH_SIZE).appending_to(history).expect("a file");
        let bus = Arc::new(Sink::new(worker, recorder).with_pace(Duration::from_millis(2)));
        let target = Target::new("bus", bus);
        let relay = Relay::new(target, config(), log, worker, &CommitSignal::default());
        let relay = relay.expect("a valid configuration").start();
        // The parent closes the pipe to say that it is enough.
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        wait.await.expect("no panic").expect("the pipe can be read");
        relay.stop().await.expect("a graceful stop");
    });
}

/// A relay in a process of its own.
struct RelayProcess {
    worker: WorkerId,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl RelayProcess {
    fn start(number: u128, schema: &str, history: &Path) -> Self {
        let worker = WorkerId(Uuid::from_u128(number));
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["relay_process", "--exact", "--nocapture"])
            .env("IDP_RELAY_SCHEMA", schema)
            .env("IDP_RELAY_WORKER", worker.0.to_string())
            .env("IDP_RELAY_HISTORY", history)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        let stdin = child.stdin.take();
        Self { worker, child, stdin }
    }

    /// SIGKILL: the process has no say in it.
    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it can be waited for");
    }

    /// SIGSTOP or SIGCONT: the process stands still, or goes on and knows nothing of the pause.
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("there is a `kill` command").success());
    }

    /// Asks it to stop, and waits until it has.
    fn stop(mut self) {
        self.stdin.take();
        assert!(self.child.wait().expect("it can be waited for").success());
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A place for one run: a schema, a history, and a connection to look in.
struct Run {
    schema: String,
    history: PathBuf,
    client: Client,
}

impl Run {
    async fn start(name: &str) -> Self {
        let (client, connection) =
            tokio_postgres::connect(&url(), NoTls).await.expect("the server can be reached");
        tokio::spawn(connection);
        let schema = format!("{name}_{}", std::process::id());
        let make = format!("CREATE SCHEMA {schema}; SET search_path TO {schema}");
        client.batch_execute(&make).await.expect("a new schema");
        connect(&schema).await.migrate(TALLY_TABLES).await.expect("an empty schema");
        let history = std::env::temp_dir().join(format!("{schema}.jsonl"));
        // What an earlier run of this name left behind would be taken for a part of this one.
        let _ = std::fs::remove_file(&history);
        Self { schema, history, client }
    }

    fn recorder(&self) -> Recorder {
        Recorder::new(BATCH_SIZE).appending_to(&self.history).expect("a file")
    }

    fn read(&self) -> History {
        let mut history = History::new(BATCH_SIZE);
        let file = File::open(&self.history).expect("the history is there");
        history.read(BufReader::new(file)).expect("the history can be read");
        history
    }

    /// How many lanes each worker holds, by the database.
    async fn holders(&self) -> Vec<(String, i64)> {
        const HOLDERS: &str = "SELECT owner::text, count(*) FROM idp_reader_lane
            WHERE owner IS NOT NULL AND lease_until > clock_timestamp() GROUP BY owner ORDER BY owner";
        let rows = self.client.query(HOLDERS, &[]).await.expect("the leases can be read");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    async fn wait_for_shares(&self, expected: &[i64]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let holders = self.holders().await;
            if holders.iter().map(|(_, lanes)| *lanes).eq(expected.iter().copied()) {
                return;
            }
            assert!(Instant::now() < deadline, "expected shares {expected:?}, got {holders:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn wait_for_delivered(&self, enough: impl Fn(usize, &History) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let history = self.read();
            let delivered: HashSet<_> = history.deliveries.iter().map(|d| d.event).collect();
            if enough(delivered.len(), &history) {
                return;
            }
            assert!(Instant::now() < deadline, "{} events delivered", delivered.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn committed(&self) -> usize {
        let row = self.client.query_one("SELECT count(*) FROM idp_outbox", &[]).await;
        usize::try_from(row.expect("the outbox can be read").get::<_, i64>(0)).expect("a count")
    }

    async fn end(self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        self.client.batch_execute(&drop).await.expect("the schema can be dropped");
        std::fs::remove_file(&self.history).expect("the history is there");
    }
}

fn id(number: u128) -> TallyId {
    TallyId::from_uuid(Uuid::from_u128(number))
}

fn context(number: u128) -> Context {
    let name = if number.is_multiple_of(2) { "acme" } else { "globex" };
    Context::new(TenantId::new(name).expect("a valid name"), Actor::new("writer"))
}

/// Counts on tallies from several tasks at once; some use cases fail after they changed something.
async fn write(app: &Application, rounds: u32) {
    let tasks = (0..6_u128).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            for round in 0..rounds {
                let number = (task * 5 + u128::from(round) * 7) % 12;
                let fails = round % 5 == 4;
                let change = move |uow: Uow| async move {
                    uow.get::<Tally>(id(number)).await?.count(1 + round % 3);
                    if fails {
                        let kind = idp_application::ErrorKind::Invalid;
                        return Err(Error::new(kind, "count", "changed its mind"));
                    }
                    Ok(())
                };
                let result = app.run(context(number), change).await;
                assert_eq!(result.is_err(), fails, "{result:?}");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
}

async fn application(run: &Run) -> Application {
    let store = Arc::new(connect(&run.schema).await) as Arc<dyn Store>;
    let retry = RetryPolicy { attempts_max: 1_000, ..RetryPolicy::default() };
    let store = Arc::new(Witnessed::new(store, run.recorder()));
    let app = Application::builder(store).retry(retry).build();
    for number in 0..12 {
        let unit = app.begin(context(number));
        unit.add(Tally::new(id(number))).expect("new");
        unit.commit().await.expect("an empty schema");
    }
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_relay_is_taken_over_with_every_promise_kept() {
    let run = Run::start("two_relays").await;
    let app = application(&run).await;
    let mut first = RelayProcess::start(1, &run.schema, &run.history);
    let second = RelayProcess::start(2, &run.schema, &run.history);
    run.wait_for_shares(&[32, 32]).await;

    write(&app, 20).await;
    run.wait_for_delivered(|delivered, _| delivered > 30).await;
    first.kill();
    run.recorder().leases_lost(first.worker);
    write(&app, 20).await;
    run.wait_for_shares(&[64]).await;
    write(&app, 5).await;

    let committed = run.committed().await;
    run.wait_for_delivered(|delivered, _| delivered >= committed).await;
    let stopping = tokio::task::spawn_blocking(move || second.stop());
    timeout(PATIENCE, stopping).await.expect("it stops").expect("gracefully");
    assert_eq!(run.holders().await, [], "a graceful stop gives the leases back");

    let history = run.read();
    assert_eq!(check(&history), []);
    let workers: HashSet<_> = history.deliveries.iter().map(|d| d.worker).collect();
    assert_eq!(workers.len(), 2, "both processes sent");
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_stood_still_past_its_lease_does_no_harm_when_it_goes_on() {
    let run = Run::start("zombie").await;
    let app = application(&run).await;
    let zombie = RelayProcess::start(1, &run.schema, &run.history);
    let other = RelayProcess::start(2, &run.schema, &run.history);
    run.wait_for_shares(&[32, 32]).await;

    write(&app, 20).await;
    zombie.signal("STOP");
    run.recorder().leases_lost(zombie.worker);
    write(&app, 20).await;
    run.wait_for_shares(&[64]).await;
    zombie.signal("CONT");
    write(&app, 10).await;
    run.wait_for_shares(&[32, 32]).await;

    let committed = run.committed().await;
    run.wait_for_delivered(|delivered, _| delivered >= committed).await;
    let stopping = tokio::task::spawn_blocking(move || {
        zombie.stop();
        other.stop();
    });
    timeout(PATIENCE, stopping).await.expect("they stop").expect("gracefully");
    assert_eq!(check(&run.read()), []);
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graceful_hand_overs_make_no_duplicates() {
    let run = Run::start("hand_overs").await;
    let app = application(&run).await;
    let mut running = RelayProcess::start(1, &run.schema, &run.history);
    run.wait_for_shares(&[64]).await;
    for number in 2..=4 {
        let next = RelayProcess::start(number, &run.schema, &run.history);
        write(&app, 8).await;
        run.wait_for_shares(&[32, 32]).await;
        let leaving = std::mem::replace(&mut running, next);
        let stopping = tokio::task::spawn_blocking(move || leaving.stop());
        timeout(PATIENCE, stopping).await.expect("it stops").expect("gracefully");
        write(&app, 8).await;
    }
    let committed = run.committed().await;
    run.wait_for_delivered(|delivered, _| delivered >= committed).await;
    let stopping = tokio::task::spawn_blocking(move || running.stop());
    timeout(PATIENCE, stopping).await.expect("it stops").expect("gracefully");

    let history = run.read();
    assert_eq!(check(&history), []);
    assert_eq!(history.deliveries.len(), committed, "each event was delivered once");
    run.end().await;
}
