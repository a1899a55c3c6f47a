//! A service with an outbox whose history is recorded, and relays to start on it.

use idp_application::{EventBus, Lane, LaneCount, Migrate, RelayLog, SequentialIds, WorkerId};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_memory::MemoryStore;
use idp_relay::{EventFilter, Relay, RelayConfig, RelayHandle, Target};
use idp_testkit::{
    Recorder, RuntimeClock, Sink, TALLY_TABLES, TallyId, Tallying, Violation, check,
};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(240);

pub(crate) struct Service {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) recorder: Recorder,
    pub(crate) clock: RuntimeClock,
    pub(crate) lanes: LaneCount,
    tallying: Tallying,
}

impl Deref for Service {
    type Target = Tallying;

    fn deref(&self) -> &Tallying {
        &self.tallying
    }
}

impl Service {
    pub(crate) async fn start(lanes: u16) -> Self {
        let clock = RuntimeClock::start();
        let lanes = LaneCount::new(lanes).expect("not too many lanes");
        let store = MemoryStore::default().with_clock(Arc::new(clock)).with_lanes(lanes);
        let store = Arc::new(store);
        store.migrate(TALLY_TABLES).await.expect("the tables can be made");
        let recorder = Recorder::new(config().batch_size);
        let ids = Arc::new(SequentialIds::default());
        let tallying = Tallying::on(store.clone(), recorder.clone(), Arc::new(clock), ids);
        Self { store, recorder, clock, lanes, tallying }
    }

    /// The lane that the events of a tally are in.
    pub(crate) fn lane_of(&self, tenant: &str, id: TallyId) -> Lane {
        let tenant = TenantId::new(tenant).expect("valid");
        Lane::of(&tenant, id.uuid(), self.lanes)
    }

    /// A relay worker of that number that is not started yet.
    pub(crate) fn worker(&self, number: u128) -> Setup<'_> {
        let id = worker_id(number);
        let bus = Arc::new(Sink::new(id, self.recorder.clone()));
        let filter = EventFilter::all();
        Setup { service: self, id, log: self.store.clone(), bus, filter, config: config() }
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
    pub(crate) log: Arc<dyn RelayLog>,
    pub(crate) bus: Arc<dyn EventBus>,
    pub(crate) filter: EventFilter,
    pub(crate) config: RelayConfig,
}

impl Setup<'_> {
    pub(crate) fn start(self) -> RelayHandle {
        let committed = self.service.app().committed();
        let target = Target::new("bus", self.bus).only(self.filter);
        let relay = Relay::new(target, self.config, self.log, self.id, committed);
        relay.expect("the configuration is valid").start()
    }
}

pub(crate) fn config() -> RelayConfig {
    RelayConfig { batch_size: 4, ..RelayConfig::default() }
}

pub(crate) fn worker_id(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(0xF0_0000 + number))
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
