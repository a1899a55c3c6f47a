//! Who writes, reads, relays and purges.

use crate::reader::{Follower, Got};
use crate::stage::Stage;
use idp_application::{
    Actor, Application, Backend, Context, Error, LogKeeping, PurgePolicy, RetryPolicy, Sharding,
    Store, SystemClock, Uow, WorkerId,
};
use idp_domain::{EntityId, TenantId, Uuid};
use idp_keeper::{ArchiveConfig, ArchiveStore, Keeper, KeeperConfig, KeeperHandle};
use idp_testkit::{Dice, Tally, TallyId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const TALLIES: u64 = 24;

pub(crate) fn tenant(tally: u64) -> TenantId {
    TenantId::new(if tally.is_multiple_of(3) { "acme" } else { "globex" }).expect("valid")
}

/// Commits so many times: up to five events of some tally, each time.
pub(crate) async fn write(store: Arc<dyn Store>, seed: u64, commits: u32, pause: Duration) {
    let retry = RetryPolicy {
        attempts_max: 1_000,
        pause_min: Duration::from_millis(1),
        pause_max: Duration::from_millis(20),
    };
    let app = Application::builder(store).retry(retry).build();
    let dice = Dice::seeded(seed);
    for _ in 0..commits {
        let (tally, events) = (dice.within(0..TALLIES), dice.within(1..6));
        let events = u32::try_from(events).expect("few");
        let id = TallyId::from_uuid(Uuid::from_u128(u128::from(tally) + 1));
        let context = Context::new(tenant(tally), Actor::new("ann"));
        let counted = app.run(context, move |uow: Uow| async move {
            match uow.find::<Tally>(id).await? {
                Some(mut tally) => tally.count(events),
                None => {
                    let mut tally = Tally::new(id);
                    tally.count(events);
                    uow.add(tally)?;
                }
            }
            Ok::<_, Error>(())
        });
        // Two may make the same tally at the same time; one of them is told so.
        drop(counted.await);
        sleep(pause).await;
    }
}

/// Reads on until it is told to stop; does nothing while it is told to rest.
pub(crate) struct Reading {
    pub(crate) name: &'static str,
    pub(crate) got: Got,
    pub(crate) rests: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Reading {
    pub(crate) async fn start(
        backend: &Arc<dyn Backend>,
        name: &'static str,
        sharding: Sharding,
        (limit, pause): (u32, Duration),
    ) -> Self {
        let worker = 100 + u128::from(limit);
        let mut follower = Follower::join(backend, name, sharding, worker).await;
        let got = follower.got.clone();
        let (rests, mut resting) = watch::channel(false);
        let task = tokio::spawn(async move {
            while resting.wait_for(|rests| !rests).await.is_ok() {
                follower.read_on(limit).await;
                sleep(pause).await;
            }
        });
        Self { name, got, rests, task }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keepers that purge as fast as they can, of which the last does not archive.
pub(crate) fn keepers(
    stage: &Stage,
    keeping: &Arc<dyn LogKeeping>,
    archive: &Arc<dyn ArchiveStore>,
) -> Vec<KeeperHandle> {
    let policy = PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: 60 };
    let (interval, backoff_min) = (Duration::from_millis(25), Duration::from_millis(5));
    let config = KeeperConfig { policy, interval, backoff_min, ..KeeperConfig::default() };
    let archiving =
        ArchiveConfig { segment_bytes_max: 20_000, batch_size: 20, ..ArchiveConfig::clear_text() };
    let keeper = |worker| {
        let worker = WorkerId(Uuid::from_u128(worker));
        let keeping = Arc::clone(keeping);
        Keeper::new(config.clone(), keeping, worker, Arc::new(SystemClock)).expect("it is valid")
    };
    let log = |keeper: Keeper| {
        let log: Arc<dyn Backend> = Arc::clone(&stage.backend);
        let keeper = keeper.archiving(archiving.clone(), log, Arc::clone(archive));
        keeper.expect("it is valid")
    };
    vec![log(keeper(1)).start(), log(keeper(2)).start(), keeper(3).start()]
}
