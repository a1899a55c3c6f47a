//! What keepers do, and what holds the log, is shown as it happens, and no longer.

mod exposition;

use exposition::Exposition;
use idp_application::{
    Actor, Application, BoxFuture, Context, Error, ErrorKind, HoldFrom, KeeperMetrics,
    KeeperObserver, KeeperSeen, KeepingAction, KeepingCommand, LogHold, LogKeeping, Migrate,
    OutboxLog, PurgeBlock, PurgePolicy, PurgeReport, Reader, Sharding, Store, WorkerId,
    delegate_port,
};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_keeper::{ArchiveConfig, DirectoryArchive, Keeper, KeeperConfig};
use idp_memory::MemoryStore;
use idp_telemetry::{Telemetry, TelemetryConfig};
use idp_testkit::{RuntimeClock, TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(3_600);

/// A log in simulated time, and what is shown of its keepers.
struct Log {
    clock: RuntimeClock,
    store: Arc<MemoryStore>,
    telemetry: Telemetry,
}

impl Log {
    /// With 20 events.
    async fn start() -> Self {
        let clock = RuntimeClock::start();
        let store = Arc::new(MemoryStore::default().with_clock(Arc::new(clock)));
        store.migrate(TALLY_TABLES).await.expect("a new store");
        let app = Application::builder(store.clone() as Arc<dyn Store>);
        let app = app.clock(Arc::new(clock)).build();
        let tenant = TenantId::new("acme").expect("a tenant");
        let added = app.run(Context::new(tenant, Actor::new("ann")), async |uow| {
            let mut tally = Tally::new(uow.new_id::<TallyId>());
            tally.count(20);
            uow.add(tally)?;
            Ok::<_, Error>(())
        });
        added.await.expect("a new tally");
        Self { clock, store, telemetry: telemetry() }
    }

    /// One that keeps nothing, and comes each second.
    fn keeper(&self, keeping: Arc<dyn LogKeeping>) -> Keeper {
        let policy = PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: 1_000 };
        let (interval, alarm_after) = (SECOND, SECOND * 60);
        let config = KeeperConfig { policy, interval, alarm_after, ..KeeperConfig::default() };
        let keeper = Keeper::new(config, keeping, worker(1), Arc::new(self.clock));
        keeper.expect("valid").observer(Arc::new(self.telemetry.clone()))
    }

    async fn keep(&self, action: KeepingAction) {
        let (actor, reason) = (Actor::new("ann"), "an audit".to_owned());
        self.store.keep(&KeepingCommand { actor, action, reason }).await.expect("it may be done");
    }

    /// A reader that never reads.
    async fn idle_reader(&self, name: &str) {
        let reader = Reader { name: name.into(), sharding: Sharding::ByLane };
        self.store.join(&reader, worker(77), PATIENCE).await.expect("joined");
    }

    fn shown(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        shown(&self.telemetry, metric, labels)
    }

    /// For how long something of that kind and name is shown to hold the log.
    fn held(&self, kind: &str, name: &str) -> Option<f64> {
        self.shown("keeper_held_up_seconds", &[("kind", kind), ("name", name)])
    }

    /// Ends when at least so much is shown.
    async fn until(&self, metric: &str, value: f64) {
        let seen = async {
            while self.shown(metric, &[]) < Some(value) {
                sleep(SECOND).await;
            }
        };
        let seen = timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{metric} is below {value}: {:?}", self.shown(metric, &[]));
    }

    /// What is shown to hold the log.
    fn holders(&self) -> usize {
        let exposition = Exposition::parse(&self.telemetry.text());
        exposition.0.get("keeper_held_up_seconds").map_or(0, |family| family.samples.len())
    }
}

fn telemetry() -> Telemetry {
    Telemetry::new(TelemetryConfig::default()).expect("the usual one")
}

fn shown(telemetry: &Telemetry, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
    Exposition::parse(&telemetry.text()).value(metric, labels)
}

fn worker(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(number))
}

#[tokio::test(start_paused = true)]
async fn what_is_archived_and_purged_is_counted_from_zero_on_and_stays_counted() {
    let log = Log::start().await;
    log.keep(KeepingAction::Hold { name: "audit".into(), from: HoldFrom::Oldest }).await;
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(DirectoryArchive::open(folder.path()).expect("it can be written"));
    let keeper = log.keeper(log.store.clone());
    let keeper = keeper.archiving(ArchiveConfig::clear_text(), log.store.clone(), archive);
    let keeper = keeper.expect("valid").start();
    assert_eq!(log.shown("outbox_purged_total", &[]), None, "no keeper has begun yet");
    log.until("outbox_archived_total", 20.0).await;
    assert_eq!(log.shown("outbox_purged_total", &[]), Some(0.0));
    assert!(log.held("hold", "audit").is_some());
    log.keep(KeepingAction::Release { name: "audit".into() }).await;
    log.until("outbox_purged_total", 20.0).await;
    assert_eq!(log.shown("keeper_archive_segments_total", &[]), Some(1.0));
    assert!(log.shown("keeper_archive_bytes_total", &[]) > Some(0.0));
    assert_eq!(log.shown("keeper_alarming", &[]), Some(0.0));
    assert_eq!((log.holders(), log.shown("keeper_failures_total", &[])), (0, Some(0.0)));
    log.idle_reader("newcomer").await;
    log.until("keeper_readers_late", 1.0).await;
    keeper.stop().await.expect("it stops");
    assert_eq!(log.shown("outbox_purged_total", &[]), Some(20.0));
    assert_eq!(log.shown("keeper_readers_late", &[]), Some(0.0), "nobody looks any more");
}

#[tokio::test(start_paused = true)]
async fn what_holds_the_log_is_shown_by_name_and_age_until_it_lets_go() {
    let log = Log::start().await;
    log.idle_reader("board").await;
    let keeper = log.keeper(log.store.clone()).start();
    log.until("keeper_turns_total", 1.0).await;
    assert_eq!(log.shown("keeper_alarming", &[]), Some(0.0), "it is not held for long");
    log.until("keeper_alarming", 1.0).await;
    let age = log.held("reader", "board").expect("it never reads");
    assert!((60.0..65.0).contains(&age), "{age}");
    assert_eq!(log.holders(), 1);
    log.keep(KeepingAction::Forget { reader: "board".into(), is_forced: true }).await;
    log.until("keeper_turns_total", keeper.metrics().turns as f64 + 2.0).await;
    assert_eq!((log.held("reader", "board"), log.holders()), (None, 1));
    assert!(log.held("no_reader", "").is_some_and(|age| age < 60.0), "nobody reads now");
    assert_eq!(log.shown("keeper_alarming", &[]), Some(0.0));
    log.until("keeper_alarming", 1.0).await;
    keeper.stop().await.expect("it stops");
    assert_eq!(log.shown("keeper_alarming", &[]), Some(0.0), "nobody knows any more");
    assert_eq!(log.holders(), 0);
}

/// A log that cannot be purged.
struct Away(Arc<MemoryStore>);

impl LogKeeping for Away {
    delegate_port!(LogKeeping { readers, holds, keep, keeping_records } => |this| this.0);

    fn purge<'a>(&'a self, _: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        let error = Error::new(ErrorKind::Unavailable, "purge", "the database is away");
        Box::pin(std::future::ready(Err(error)))
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted() {
    let log = Log::start().await;
    let _keeper = log.keeper(Arc::new(Away(log.store.clone()))).start();
    log.until("keeper_purge_failures_total", 3.0).await;
    let failures = log.shown("keeper_purge_failures_total", &[]);
    assert_eq!(log.shown("keeper_failures_total", &[]), failures);
    assert_eq!(log.shown("keeper_purges_total", &[]), Some(0.0));
}

#[test]
fn of_several_keepers_that_met_the_same_the_longest_time_is_shown() {
    let telemetry = telemetry();
    let hold = |name: &str| {
        let (from, since) = (Default::default(), Timestamp::from_unix_micros(0));
        PurgeBlock::Hold(LogHold { name: name.into(), from, since })
    };
    let met = |number, name: &str, seconds| {
        let mut metrics = KeeperMetrics::default();
        metrics.held_up_seconds = seconds;
        let (worker, held_by) = (worker(number), hold(name));
        let (metrics, held_by) = (&metrics, Some(&held_by));
        KeeperObserver::observe(&telemetry, KeeperSeen::Counted { worker, metrics, held_by });
    };
    let age =
        |name| shown(&telemetry, "keeper_held_up_seconds", &[("kind", "hold"), ("name", name)]);
    met(1, "audit", 5);
    met(2, "audit", 9);
    assert_eq!(age("audit"), Some(9.0));
    met(2, "other", 9);
    assert_eq!((age("audit"), age("other")), (Some(5.0), Some(9.0)));
    KeeperObserver::observe(&telemetry, KeeperSeen::Ended { worker: worker(2) });
    assert_eq!((age("audit"), age("other")), (Some(5.0), None));
}
