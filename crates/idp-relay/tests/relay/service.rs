//! A service with an outbox whose history is recorded, and relays to start on it.

use idp_application::Migrate;
use idp_application::{
    Actor, Application, Context, Error, EventBus, Lane, LaneCount, OutboxLog, SequentialIds,
    WorkerId,
};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_memory::MemoryStore;
use idp_relay::{Relay, RelayConfig, RelayHandle};
use idp_testkit::{
    Recorder, RuntimeClock, Sink, TALLY_TABLES, Tally, TallyId, Violation, Witnessed, check,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) struct Service {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) app: Application,
    pub(crate) recorder: Recorder,
    lanes: LaneCount,
}

impl Service {
    pub(crate) async fn start(lanes: u16) -> Self {
        let clock = Arc::new(RuntimeClock::start());
        let lanes = LaneCount::new(lanes).expect("not too many lanes");
        let store = MemoryStore::default().with_clock(clock.clone()).with_lanes(lanes);
        let store = Arc::new(store);
        store.migrate(TALLY_TABLES).await.expect("the tables can be made");
        let recorder = Recorder::new(config().batch_size);
        let witnessed = Witnessed::new(store.clone(), recorder.clone());
        let app = Application::builder(Arc::new(witnessed))
            .clock(clock)
            .ids(Arc::new(SequentialIds::default()))
            .build();
        Self { store, app, recorder, lanes }
    }

    /// Adds a tally that has counted that often: one commit.
    pub(crate) async fn tally(&self, tenant: &str, times: u32) -> TallyId {
        let added = self.app.run(context(tenant), async |uow| {
            let id = uow.new_id::<TallyId>();
            let mut tally = Tally::new(id);
            tally.count(times);
            uow.add(tally)?;
            Ok::<_, Error>(id)
        });
        added.await.expect("nothing speaks against it")
    }

    /// Lets a tally count on: one commit.
    pub(crate) async fn count(&self, tenant: &str, id: TallyId, times: u32) {
        let counted = self.app.run(context(tenant), async |uow| {
            uow.get::<Tally>(id).await?.count(times);
            Ok::<_, Error>(())
        });
        counted.await.expect("nothing speaks against it");
    }

    /// The lane that the events of a tally are in.
    pub(crate) fn lane_of(&self, tenant: &str, id: TallyId) -> Lane {
        let tenant = TenantId::new(tenant).expect("valid");
        Lane::of(&tenant, id.uuid(), self.lanes)
    }

    /// Tries to commit on top of a version that is not the last any more, which is rolled back.
    pub(crate) async fn count_too_late(&self, tenant: &str, id: TallyId) {
        let late = self.app.begin(context(tenant));
        late.get::<Tally>(id).await.expect("it is there").count(1);
        self.count(tenant, id, 1).await;
        late.commit().await.expect_err("another commit came before");
    }

    /// A relay worker of that number that is not started yet.
    pub(crate) fn worker(&self, number: u128) -> Setup<'_> {
        let id = worker_id(number);
        let bus = Arc::new(Sink::new(id, self.recorder.clone()));
        Setup { service: self, id, log: self.store.clone(), bus, config: config() }
    }

    /// Waits until that many events have arrived.
    pub(crate) async fn events(&self, count: usize) {
        let arrived = timeout(LONG, self.recorder.wait_for_events(count)).await;
        arrived.expect("the events should arrive");
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        check(&self.recorder.history())
    }
}

/// What a relay is made of.
pub(crate) struct Setup<'s> {
    service: &'s Service,
    pub(crate) id: WorkerId,
    pub(crate) log: Arc<dyn OutboxLog>,
    pub(crate) bus: Arc<dyn EventBus>,
    pub(crate) config: RelayConfig,
}

impl Setup<'_> {
    pub(crate) fn start(self) -> RelayHandle {
        let committed = self.service.app.committed();
        let relay = Relay::new(self.config, self.log, self.bus, self.id, committed);
        relay.expect("the configuration is valid").start()
    }
}

pub(crate) fn config() -> RelayConfig {
    RelayConfig { batch_size: 4, ..RelayConfig::for_reader("bus") }
}

pub(crate) fn worker_id(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(0xF0_0000 + number))
}

pub(crate) fn context(tenant: &str) -> Context {
    Context::new(TenantId::new(tenant).expect("valid"), Actor::new("tester"))
}

/// Waits until the metrics of a relay satisfy a condition.
pub(crate) async fn until(
    relay: &RelayHandle,
    condition: impl FnMut(&idp_relay::RelayMetrics) -> bool,
) {
    let mut metrics = relay.watch();
    let met = timeout(LONG, metrics.wait_for(condition)).await;
    met.expect("the relay should get there").expect("the relay runs");
}
