//! A service with a read model that is audited, and projectors to start on it.

use idp_application::{
    Actor, Backend, CommitListener, Context, Migrate, Projection, Revised, SequentialIds, WorkerId,
};
use idp_domain::{TenantId, Uuid};
use idp_memory::MemoryStore;
use idp_projection::{Projector, ProjectorConfig, ProjectorHandle, ProjectorStatus};
use idp_testkit::{
    Assembled, Audited, Recorder, RuntimeClock, TALLY_TABLES, TallyBoard, TallyRow, Tallying,
};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) struct Service {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) audited: Arc<Audited<TallyBoard>>,
    tallying: Tallying,
}

impl Deref for Service {
    type Target = Tallying;

    fn deref(&self) -> &Tallying {
        &self.tallying
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(RuntimeClock::start());
        let store = Arc::new(MemoryStore::default().with_clock(clock.clone()));
        store.migrate(TALLY_TABLES).await.expect("the tables can be made");
        let audited = Audited::new(TallyBoard, store.clone(), store.clone(), store.clone());
        let ids = Arc::new(SequentialIds::default());
        let tallying = Tallying::on(store.clone(), Recorder::new(1), clock, ids);
        Self { audited: Arc::new(audited), store, tallying }
    }

    /// The store, its read model audited.
    pub(crate) fn backend(&self) -> Assembled {
        Assembled { projections: self.audited.clone(), ..Assembled::of(&self.store) }
    }

    /// Projector number 1 on the audited store.
    pub(crate) fn projector(&self) -> ProjectorHandle {
        self.projector_on(1, Arc::new(self.backend()))
    }

    pub(crate) fn projector_on(&self, number: u128, backend: Arc<dyn Backend>) -> ProjectorHandle {
        self.projector_of(TallyBoard, number, backend)
    }

    pub(crate) fn projector_of<P: Projection>(
        &self,
        projection: P,
        number: u128,
        backend: Arc<dyn Backend>,
    ) -> ProjectorHandle {
        self.projector_as(config(), projection, number, backend)
    }

    pub(crate) fn projector_as<P: Projection>(
        &self,
        config: ProjectorConfig,
        projection: P,
        number: u128,
        backend: Arc<dyn Backend>,
    ) -> ProjectorHandle {
        let (id, committed) = (worker_id(number), self.app().committed());
        let projector = Projector::new(config, projection, backend, id, committed);
        projector.expect("the configuration is valid").start()
    }

    /// The board as a tenant sees it, the latest change last.
    pub(crate) async fn rows(&self, tenant: &str) -> Vec<Revised<TallyRow>> {
        let context = Context::new(TenantId::new(tenant).expect("valid"), Actor::new("tester"));
        let rows = self.app().reads(&context).changed_after(0, 1_000).await;
        rows.expect("the store answers")
    }

    /// Fails when the read model was wrong at any commit, or never looked at.
    pub(crate) fn assert_audited(&self) {
        let wrong: Vec<String> =
            self.audited.wrong_rows().iter().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(self.audited.audits() > 0);
    }
}

pub(crate) fn config() -> ProjectorConfig {
    ProjectorConfig { batch_size: 4, ..ProjectorConfig::default() }
}

pub(crate) fn worker_id(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(0xB0_0000 + number))
}

/// Waits until everything committed so far is in the read model.
pub(crate) async fn caught_up(projector: &ProjectorHandle) {
    let caught_up = timeout(LONG, projector.caught_up()).await;
    caught_up.expect("it should catch up").expect("the projector runs");
}

/// Waits until the status of a projector satisfies a condition.
pub(crate) async fn until(
    projector: &ProjectorHandle,
    condition: impl FnMut(&ProjectorStatus) -> bool,
) {
    let mut status = projector.watch();
    let met = timeout(LONG, status.wait_for(condition)).await;
    met.expect("the projector should get there").expect("the projector runs");
}

/// Waits until a projector rings that it has applied something.
pub(crate) async fn rung(updated: &mut CommitListener) {
    timeout(LONG, updated.rung()).await.expect("the projector should apply something");
}
