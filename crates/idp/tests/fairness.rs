//! On real stores: behind an import of one tenant, others wait for a bounded number of its events.

use idp_application::{
    Backend, CommitSignal, LOOKS_PER_EVENT, LaneCount, Migrate, Store, SystemClock, UuidV7Ids,
    WorkerId,
};
use idp_domain::{EntityId, Uuid};
use idp_postgres::{PgOptions, PgStore};
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use idp_sqlite::{SqliteOptions, SqliteStore};
use idp_testkit::{History, Recorder, Sink, TALLY_TABLES, TallyId, Tallying, check, check_stored};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::NoTls;

const PATIENCE: Duration = Duration::from_secs(120);

/// The tenant whose import fills the lanes: so many commits of so many events.
const FLOOD: (&str, u32, u32) = ("acme", 60, 100);

fn config() -> RelayConfig {
    RelayConfig { batch_size: 20, fair_backlog: 60, ..RelayConfig::default() }
}

/// How many events of the flood may go before one of another tenant: those until it is noticed, one
/// send for each look at who waits, and a few more.
fn before_max() -> usize {
    let (_, commits, events) = FLOOD;
    let sends = commits * events / (LOOKS_PER_EVENT * config().batch_size) + 10;
    usize::try_from(config().fair_backlog + sends * config().batch_size).expect("a small number")
}

struct World {
    store: Arc<dyn Backend>,
    tallying: Tallying,
    recorder: Recorder,
    rare: TallyId,
}

impl World {
    /// With the whole flood in two lanes.
    async fn of<S: Backend + Migrate>(store: S) -> Self {
        let store = Arc::new(store);
        store.migrate(TALLY_TABLES).await.expect("an empty store");
        let recorder = Recorder::new(config().batch_size);
        recorder.expect_gaps();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(UuidV7Ids::default()));
        let as_store = store.clone() as Arc<dyn Store>;
        let tallying = Tallying::on(as_store, recorder.clone(), clock, ids);
        let rare = tallying.tally("globex", 1).await;
        let (flood, commits, events) = FLOOD;
        for _ in 0..commits {
            tallying.tally(flood, events).await;
        }
        Self { store, tallying, recorder, rare }
    }

    fn relay(&self, number: u128) -> RelayHandle {
        let worker = WorkerId(Uuid::from_u128(number));
        let sink = Sink::new(worker, self.recorder.clone()).with_pace(Duration::from_micros(300));
        let target = Target::new("bus", Arc::new(sink));
        let log = self.store.clone();
        let relay = Relay::new(target, config(), log, worker, &CommitSignal::default());
        relay.expect("a valid configuration").start()
    }

    /// Commits an event of another tenant in the middle of the flood. Gives it, and how much had
    /// arrived before.
    async fn commit(&self) -> (Uuid, usize) {
        self.tallying.count("globex", self.rare, 1).await;
        let history = self.recorder.history();
        let mut of_rare = history.intents.iter().filter(|i| i.aggregate == self.rare.uuid());
        let event = of_rare.next_back().and_then(|intent| intent.events.last());
        (*event.expect("it was committed"), history.deliveries.len())
    }

    /// Everything arrives, once and in order, and nobody waited for too long.
    async fn run(self) {
        let relay = self.relay(1);
        let mut waiting = Vec::new();
        for events in [500, 1_500, 3_000] {
            let some = self.recorder.wait_for_events(events);
            timeout(PATIENCE, some).await.expect("they arrive");
            waiting.push(self.commit().await);
        }
        let all = {
            let (_, commits, events) = FLOOD;
            usize::try_from(commits * events).expect("a small number") + 4
        };
        timeout(PATIENCE, self.recorder.wait_for_events(all)).await.expect("all arrive");
        let mut metrics = relay.watch();
        let merged = metrics.wait_for(|metrics| metrics.tenant_tracks == 0);
        timeout(PATIENCE, merged).await.expect("it catches up").expect("it runs");
        relay.stop().await.expect("a graceful stop");
        let history = self.recorder.history();
        for (event, from) in waiting {
            let before = went_before(&history, event, from);
            assert!(before <= before_max(), "{before} events went before, {}", before_max());
        }
        let streams: HashSet<&str> = history.deliveries.iter().map(|d| &*d.stream).collect();
        assert!(streams.iter().any(|stream| stream.contains("tenant/acme")), "{streams:?}");
        assert_eq!(check(&history), []);
        assert_eq!(check_stored(&history), []);
    }
}

/// How many events arrived in the lane of an event before it did.
fn went_before(history: &History, event: Uuid, from: usize) -> usize {
    let arrived = history.deliveries.iter().position(|delivery| delivery.event == event);
    let arrived = arrived.expect("all have arrived");
    let lane = history.deliveries[arrived].lane;
    let since = history.deliveries.get(from..arrived).unwrap_or_default();
    since.iter().filter(|delivery| delivery.lane == lane).count()
}

fn lanes() -> LaneCount {
    LaneCount::new(2).expect("a small number")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_nobody_waits_for_all_of_an_import() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions { lanes: lanes(), ..SqliteOptions::default() };
    let store = SqliteStore::open(folder.path().join("store"), options).expect("a new file");
    World::of(store).await.run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_nobody_waits_for_all_of_an_import() {
    let url = std::env::var("IDP_TEST_PG")
        .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("reachable");
    tokio::spawn(connection);
    let schema = format!("fairness_{}", std::process::id());
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("a new schema");
    let options =
        PgOptions { schema: Some(schema.clone()), lanes: lanes(), ..PgOptions::default() };
    let store = PgStore::connect(&url, options).await.expect("reachable");
    World::of(store).await.run().await;
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    client.batch_execute(&drop).await.expect("the schema can be dropped");
}
