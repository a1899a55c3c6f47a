//! Everything happens once, and what is emitted then is what docs/operations.md says.

mod exposition;

use exposition::Exposition;
use idp_application::{
    Actor, Application, Blocker, BlockerKind, BoxFuture, Claim, Context, Error, HoldFrom,
    KeepingAction, KeepingCommand, LagBounds, LagReport, LogKeeping, LogLag, ManualClock, Migrate,
    OutboxLog, Projection, Reader, RelayLog, Sharding, Store, WorkerId,
};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_keeper::{Keeper, KeeperConfig, KeeperHandle};
use idp_memory::{MemoryBus, MemoryStore};
use idp_projection::{Projector, ProjectorConfig, ProjectorHandle};
use idp_relay::{EventFilter, Relay, RelayConfig, RelayHandle, Target, TopicRule};
use idp_telemetry::{Telemetry, TelemetryConfig};
use idp_testkit::{Assembled, Fate, TALLY_TABLES, Tally, TallyBoard, TallyId, Unreliable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(600);

/// A service in memory, whose time is simulated.
struct Service {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    telemetry: Telemetry,
    app: Application,
}

impl Service {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_micros(1_700_000_000_000_000)));
        let store = Arc::new(MemoryStore::default().with_clock(clock.clone()));
        store.migrate(TALLY_TABLES).await.expect("a new store");
        let telemetry = Telemetry::new(TelemetryConfig::default()).expect("the usual one");
        let app = Application::builder(store.clone() as Arc<dyn Store>)
            .clock(clock.clone())
            .observer(Arc::new(telemetry.clone()))
            .build();
        Self { clock, store, telemetry, app }
    }

    fn advance(&self, by: Duration) {
        use idp_application::Clock;
        let micros = i64::try_from(by.as_micros()).expect("little");
        self.clock.set(Timestamp::from_unix_micros(self.clock.now().unix_micros() + micros));
    }

    async fn tally(&self, tenant: &str) -> TallyId {
        let added = self.app.run(context(tenant), async |uow| {
            let id = uow.new_id::<TallyId>();
            let mut tally = Tally::new(id);
            tally.count(2);
            uow.add(tally)?;
            Ok::<_, Error>(id)
        });
        added.await.expect("a new tally")
    }

    async fn conflict(&self, tenant: &str, id: TallyId) {
        let late = self.app.begin(context(tenant));
        late.get::<Tally>(id).await.expect("it is there").count(1);
        late.get::<Tally>(id).await.expect("it is known").count(1);
        let count = async |uow: idp_application::Uow| {
            uow.get::<Tally>(id).await?.count(1);
            Ok::<_, Error>(())
        };
        self.app.run(context(tenant), count).await.expect("it counts");
        late.commit().await.expect_err("another commit came before");
    }

    fn relay(&self, target: Target, worker: u128, log: Arc<dyn RelayLog>) -> RelayHandle {
        let (config, worker) = (RelayConfig::default(), WorkerId(Uuid::from_u128(worker)));
        let relay = Relay::new(target, config, log, worker, self.app.committed());
        relay.expect("the usual one").observer(Arc::new(self.telemetry.clone())).start()
    }

    fn projector(&self, backend: Arc<dyn idp_application::Backend>) -> ProjectorHandle {
        let (config, worker) = (ProjectorConfig::default(), WorkerId(Uuid::from_u128(9)));
        let signal = self.app.committed();
        let projector = Projector::new(config, TallyBoard, backend, worker, signal);
        projector.expect("the usual one").observer(Arc::new(self.telemetry.clone())).start()
    }

    fn keeper(&self) -> KeeperHandle {
        let (config, worker) = (KeeperConfig::default(), WorkerId(Uuid::from_u128(10)));
        let keeper = Keeper::new(config, self.store.clone(), worker, self.clock.clone());
        keeper.expect("the usual one").observer(Arc::new(self.telemetry.clone())).start()
    }

    async fn hold(&self) {
        let action = KeepingAction::Hold { name: "audit".into(), from: HoldFrom::Oldest };
        let command = KeepingCommand { actor: Actor::new("ann"), action, reason: "why".into() };
        self.store.keep(&command).await.expect("the name is free");
    }

    fn exposition(&self) -> Exposition {
        Exposition::parse(&self.telemetry.text())
    }
}

fn context(tenant: &str) -> Context {
    Context::new(TenantId::new(tenant).expect("a tenant"), Actor::new("ann"))
}

/// The store, and a replication slot, which the memory store has not.
struct WithSlot(Arc<MemoryStore>);

impl LogLag for WithSlot {
    fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        Box::pin(async move {
            let mut report = self.0.lag(bounds).await?;
            report.blockers.push(Blocker {
                kind: BlockerKind::ReplicationSlot,
                name: "debezium \"old\"\\\n".into(),
                pid: Some(17),
                since: None,
                bytes: Some(4_096),
                holds_windows: false,
                holds_vacuum: true,
                holds_purge: false,
            });
            Ok(report)
        })
    }
}

/// A look at the lag fails.
struct Blind;

impl LogLag for Blind {
    fn lag<'a>(&'a self, _: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
        let kind = idp_application::ErrorKind::Unavailable;
        Box::pin(async move { Err(Error::new(kind, "look at the lag", "no")) })
    }
}

/// The first call of each of these methods is refused.
fn failing_once(store: &Arc<MemoryStore>, method: &'static str) -> Arc<Unreliable<MemoryStore>> {
    let calls = AtomicU64::new(0);
    Arc::new(Unreliable::new(store.clone(), move |called| {
        let is_first = called == method && calls.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first { Fate::Refused } else { Fate::Pass }
    }))
}

async fn until(relay: &RelayHandle, is_so: impl FnMut(&idp_relay::RelayMetrics) -> bool) {
    let mut watch = relay.watch();
    let came = timeout(PATIENCE, watch.wait_for(is_so)).await;
    came.expect("in time").expect("it runs");
}

/// What a metric is called, what kind of one it is, and its labels.
type Described = BTreeMap<String, (String, BTreeSet<String>)>;

fn documented() -> Described {
    let text = include_str!("../../../docs/operations.md");
    let mut all = Described::new();
    let mut before = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, _unit, labels, _what] = cells.as_slice() else { continue };
        if !["counter", "gauge", "histogram"].contains(kind) {
            continue;
        }
        if *labels != "as before" {
            before = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        }
        let described = ((*kind).to_owned(), before.clone());
        let is_new = all.insert(name.trim_matches('`').to_owned(), described).is_none();
        assert!(is_new, "{name} stands there twice");
    }
    all
}

fn emitted(exposition: &Exposition) -> Described {
    let mut all = Described::new();
    for (name, family) in &exposition.0 {
        let labels = family.samples.keys().flat_map(|(_, labels)| labels.keys());
        let labels: BTreeSet<String> = labels.filter(|label| *label != "le").cloned().collect();
        let name = match family.kind.as_str() {
            "counter" => format!("{name}_total"),
            _ => name.clone(),
        };
        if !family.samples.is_empty() {
            all.insert(name, (family.kind.clone(), labels));
        }
    }
    all
}

/// Lets all happen that is counted, but for the keeper that works on: it meets what holds the log.
async fn let_all_happen(service: &Service) -> KeeperHandle {
    let known = Arc::new(MemoryBus::default().with_topics(["tallies"]));
    known.fail_next(1);
    let fixed = Target::new("bus", known.clone()).topic(TopicRule::fixed("tallies"));
    let picky = Target::new("picky", Arc::new(MemoryBus::default().with_topics(["none"])));
    let picky =
        picky.only(EventFilter::all()).topic(TopicRule::parse("{tenant}/x").expect("valid"));
    let bus = service.relay(fixed, 1, failing_once(&service.store, "claim"));
    let refused = service.relay(picky, 2, service.store.clone());
    let projector = service.projector(Arc::new(Assembled {
        projections: failing_once(&service.store, "apply"),
        ..Assembled::of(&service.store)
    }));
    let id = service.tally("acme").await;
    service.conflict("acme", id).await;
    until(&bus, |metrics| metrics.recorded == 3 && metrics.retries == 1).await;
    until(&refused, |metrics| metrics.set_aside == 3).await;
    let caught_up = timeout(PATIENCE, projector.caught_up()).await;
    caught_up.expect("in time").expect("it runs");
    refused.stop().await.expect("the store answers");
    projector.stop().await.expect("the store answers");
    lose_lanes(service, &bus).await;
    drop(bus);
    service.tally("globex").await;
    service.hold().await;
    let keeper = service.keeper();
    let turned = keeper.watch().wait_for(|status| status.metrics.turns > 0).await.is_ok();
    assert!(turned, "it runs");
    keeper
}

/// The clock passes the leases by, and somebody else takes the lanes.
async fn lose_lanes(service: &Service, bus: &RelayHandle) {
    service.advance(Duration::from_secs(3_600));
    let reader = Reader { name: "bus".into(), sharding: Sharding::ByLane };
    let (worker, lease_ttl) = (WorkerId(Uuid::from_u128(3)), PATIENCE);
    service.store.join(&reader, worker, lease_ttl).await.expect("joined");
    let claim = Claim { worker, lanes_max: u16::MAX, lease_ttl };
    let lanes = service.store.claim(&reader, claim).await.expect("claimed");
    assert_eq!(lanes.len(), 64);
    until(bus, |metrics| metrics.fenced > 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_documented_is_emitted_and_nothing_else() {
    let service = Service::start().await;
    let _keeper = let_all_happen(&service).await;
    service.telemetry.sample(&Blind).await.expect_err("it is blind");
    service.advance(Duration::from_secs(5));
    service.telemetry.sample(&WithSlot(service.store.clone())).await.expect("it answers");
    let exposition = service.exposition();
    assert_eq!(emitted(&exposition), documented());

    let value = |name: &str, labels: &[(&str, &str)]| exposition.value(name, labels);
    assert_eq!(value("outbox_new_total", &[("tenant", "acme")]), Some(3.0));
    assert_eq!(value("uow_conflicts_total", &[]), Some(1.0));
    assert_eq!(value("uow_identity_map_lookups_total", &[("result", "hit")]), Some(1.0));
    assert_eq!(value("outbox_published_total", &[("target", "bus")]), Some(3.0));
    assert_eq!(value("outbox_err_total", &[("target", "picky")]), Some(1.0));
    assert_eq!(value("outbox_keys_parked", &[("target", "picky")]), Some(1.0));
    let retries = [("target", "bus"), ("error_type", "unavailable")];
    assert_eq!(value("event_publish_retry_total", &retries), Some(1.0));
    let sent = [
        ("messaging_system", "memory"),
        ("messaging_operation_name", "send"),
        ("messaging_operation_type", "send"),
        ("messaging_destination_name", "tallies"),
    ];
    assert_eq!(value("messaging_client_sent_messages_total", &sent), Some(3.0));
    assert_eq!(value("outbox_lag_events", &[("target", "bus")]), Some(2.0));
    assert_eq!(value("outbox_lag_seconds", &[("target", "bus")]), Some(5.0));
    let globex = [("target", "bus"), ("tenant", "globex")];
    assert_eq!(value("outbox_tenant_lag_seconds", &globex), Some(5.0));
    assert_eq!(value("outbox_lag_events", &[("target", TallyBoard::NAME)]), Some(2.0));
    let slot = [
        ("kind", "replication_slot"),
        ("name", "debezium \"old\"\\\n"),
        ("pid", "17"),
        ("holds", "vacuum"),
    ];
    assert_eq!(value("outbox_blocker_bytes", &slot), Some(4_096.0));
}

#[tokio::test(start_paused = true)]
async fn a_look_takes_the_place_of_the_one_before_and_a_failed_one_does_not() {
    let service = Service::start().await;
    let target = Target::new("bus", Arc::new(MemoryBus::default()));
    let reader = Reader { name: "bus".into(), sharding: Sharding::ByLane };
    let worker = WorkerId(Uuid::from_u128(1));
    service.store.join(&reader, worker, PATIENCE).await.expect("joined");
    service.store.release(&reader, worker, &[]).await.expect("it leaves");
    service.tally("acme").await;
    service.telemetry.sample(&*service.store).await.expect("it answers");
    let acme = [("target", "bus"), ("tenant", "acme")];
    assert_eq!(service.exposition().value("outbox_tenant_lag_events", &acme), Some(2.0));
    let relay = service.relay(target, 2, service.store.clone());
    until(&relay, |metrics| metrics.recorded == 2).await;
    service.telemetry.sample(&Blind).await.expect_err("it is blind");
    assert_eq!(service.exposition().value("outbox_tenant_lag_events", &acme), Some(2.0));
    service.telemetry.sample(&*service.store).await.expect("it answers");
    let exposition = service.exposition();
    assert_eq!(exposition.value("outbox_tenant_lag_events", &acme), None);
    assert_eq!(exposition.value("outbox_lag_events", &[("target", "bus")]), Some(0.0));
    relay.stop().await.expect("the store answers");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_takes_too_long_is_given_up_and_sampling_goes_on() {
    struct Slow(AtomicU64, Arc<MemoryStore>);
    impl LogLag for Slow {
        fn lag<'a>(&'a self, bounds: &'a LagBounds) -> BoxFuture<'a, Result<LagReport, Error>> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Box::pin(std::future::pending()),
                _ => self.1.lag(bounds),
            }
        }
    }
    let service = Service::start().await;
    let slow = Arc::new(Slow(AtomicU64::new(0), service.store.clone()));
    let sampling = service.telemetry.start_sampling(slow);
    let sampled = async {
        while service.exposition().value("outbox_lag_sample_timestamp_seconds", &[]).is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(PATIENCE, sampled).await.expect("it is sampled");
    let failures = service.exposition().value("outbox_lag_sample_failures_total", &[]);
    assert_eq!(failures, Some(1.0));
    drop(sampling);
}
