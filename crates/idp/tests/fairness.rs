//! On real stores: behind an import of one tenant, others wait for a bounded number of its events.

use idp_application::{
    Actor, Backend, CommitSignal, LOOKS_PER_EVENT, LaneCount, LogKeeping, Migrate, PurgePolicy,
    Store, SystemClock, TenantPolicies, TenantPolicy, TenantPolicyOrder, UuidV7Ids, WorkerId,
};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_postgres::{PgOptions, PgStore};
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use idp_sqlite::{SqliteOptions, SqliteStore};
use idp_testkit::{History, Recorder, Sink, TALLY_TABLES, TallyId, Tallying, check, check_stored};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

const PATIENCE: Duration = Duration::from_secs(120);

/// The tenant whose import fills the lanes: so many commits of so many events.
const FLOOD: (&str, u32, u32) = ("acme", 60, 100);

fn config() -> RelayConfig {
    let heartbeat_interval = Duration::from_millis(200);
    RelayConfig { batch_size: 20, fair_backlog: 60, heartbeat_interval, ..RelayConfig::default() }
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
    async fn of<S: Backend + Migrate>(store: S, flood: (&str, u32, u32)) -> Self {
        let store = Arc::new(store);
        store.migrate(TALLY_TABLES).await.expect("an empty store");
        let recorder = Recorder::new(config().batch_size);
        recorder.expect_gaps();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(UuidV7Ids::default()));
        let as_store = store.clone() as Arc<dyn Store>;
        let tallying = Tallying::on(as_store, recorder.clone(), clock, ids);
        let rare = tallying.tally("globex", 1).await;
        let (flood, commits, events) = flood;
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
    World::of(store, FLOOD).await.run().await;
}

/// A schema of its own on PostgreSQL.
struct Schema {
    name: String,
    client: Client,
    store: PgStore,
}

impl Schema {
    async fn new(name: &str) -> Self {
        let url = std::env::var("IDP_TEST_PG")
            .expect("IDP_TEST_PG names no server: run `cargo xtask test`, which starts one");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("reachable");
        tokio::spawn(connection);
        let name = format!("{name}_{}", std::process::id());
        client.batch_execute(&format!("CREATE SCHEMA {name}")).await.expect("a new schema");
        let options = PgOptions {
            schema: Some(name.clone()),
            lanes: lanes(),
            partition_size: 10,
            ..PgOptions::default()
        };
        let store = PgStore::connect(&url, options).await.expect("reachable");
        Self { name, client, store }
    }

    async fn drop(self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.name);
        self.client.batch_execute(&drop).await.expect("the schema can be dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_nobody_waits_for_all_of_an_import() {
    let schema = Schema::new("fairness").await;
    World::of(schema.store.clone(), FLOOD).await.run().await;
    schema.drop().await;
}

/// It has passed what it has nothing to do with, and that is written down, also when nothing happens in
/// the lane.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_track_in_a_quiet_lane_does_not_keep_the_log() {
    let schema = Schema::new("quiet").await;
    let policy =
        TenantPolicy { weight: 2, ..TenantPolicy::usual(TenantId::new("globex").expect("valid")) };
    let order = TenantPolicyOrder {
        actor: Actor::new("ann"),
        policy,
        reason: "they pay for it".to_owned(),
    };
    let world = World::of(schema.store.clone(), ("acme", 0, 0)).await;
    schema.store.set_tenant_policy("bus", &order).await.expect("valid");
    let relay = world.relay(1);
    let mut arrived = 1;
    let is_split = async {
        while relay.metrics().tenant_tracks == 0 {
            timeout(PATIENCE, world.recorder.wait_for_events(arrived)).await.expect("it arrives");
            world.tallying.count("globex", world.rare, 1).await;
            arrived += 1;
        }
    };
    timeout(PATIENCE, is_split).await.expect("it has a weight of its own");
    timeout(PATIENCE, world.recorder.wait_for_events(arrived)).await.expect("it arrives");
    let quiet = world.recorder.history().deliveries[0].lane;
    let elsewhere = loop {
        let tally = world.tallying.tally("acme", 1).await;
        arrived += 1;
        timeout(PATIENCE, world.recorder.wait_for_events(arrived)).await.expect("it arrives");
        let history = world.recorder.history();
        if history.deliveries.last().is_some_and(|delivery| delivery.lane != quiet) {
            break tally;
        }
    };
    let everything = PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: 1_000 };
    let until_dropped = async {
        let mut dropped = 0;
        while dropped < 30 {
            world.tallying.count("acme", elsewhere, 1).await;
            dropped += schema.store.purge(&everything).await.expect("no trouble").events_dropped;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, until_dropped).await.expect("the track is recorded");
    relay.stop().await.expect("a graceful stop");
    schema.drop().await;
}
