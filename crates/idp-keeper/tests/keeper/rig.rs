//! What the tests begin with.

use crate::shelf::Shelf;
use idp_application::{
    Actor, Application, Claim, Context, LaneCount, LaneLease, LaneProgress, LogKeeping, Migrate,
    OutboxLog, PurgePolicy, Reader, Sharding, WorkerId,
};
use idp_domain::{EntityId, Envelope, TenantId, Uuid};
use idp_keeper::{
    Archive, ArchiveConfig, ArchiveSelection, Keeper, KeeperConfig, KeeperHandle, KeeperStatus,
};
use idp_memory::MemoryStore;
use idp_testkit::{RuntimeClock, TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const LONG: Duration = Duration::from_secs(1 << 30);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A store with four lanes, in the time of the runtime, and a shelf.
pub(crate) struct Rig {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) clock: RuntimeClock,
    pub(crate) app: Application,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let clock = RuntimeClock::start();
        let lanes = LaneCount::new(4).expect("four is allowed");
        let store = MemoryStore::default().with_clock(Arc::new(clock)).with_lanes(lanes);
        let store = Arc::new(store);
        store.migrate(TALLY_TABLES).await.expect("a new store has no tables");
        let app = Application::builder(store.clone()).clock(Arc::new(clock)).build();
        Self { store, shelf: Arc::default(), clock, app }
    }

    /// A new tally of that tenant, with so many events in one commit.
    pub(crate) async fn count(&self, tenant: &str, tally: u128, events: u32) {
        let tenant = TenantId::new(tenant).expect("a valid name");
        let unit = self.app.begin(Context::new(tenant, Actor::new("ann")));
        let mut tally = Tally::new(TallyId::from_uuid(Uuid::from_u128(tally)));
        tally.count(events);
        unit.add(tally).expect("new");
        unit.commit().await.expect("written");
    }

    /// Ten events of each of that many tallies, of two tenants.
    pub(crate) async fn count_all(&self, tallies: std::ops::Range<u128>) {
        for tally in tallies {
            self.count(if tally % 2 == 0 { "acme" } else { "globex" }, tally, 10).await;
        }
    }

    pub(crate) fn keeper(&self, worker: u128, config: KeeperConfig) -> Keeper {
        self.keeper_of(worker, config, self.store.clone())
    }

    pub(crate) fn keeper_of(
        &self,
        worker: u128,
        config: KeeperConfig,
        keeping: Arc<dyn LogKeeping>,
    ) -> Keeper {
        let worker = WorkerId(Uuid::from_u128(worker));
        Keeper::new(config, keeping, worker, Arc::new(self.clock)).expect("it is valid")
    }

    /// A keeper that archives.
    pub(crate) fn archiving(&self, worker: u128) -> KeeperHandle {
        self.archiving_of(worker, self.store.clone(), archive_config())
    }

    pub(crate) fn archiving_of(
        &self,
        worker: u128,
        log: Arc<dyn OutboxLog>,
        config: ArchiveConfig,
    ) -> KeeperHandle {
        let keeper = self.keeper(worker, keeper_config());
        keeper.archiving(config, log, self.shelf.clone()).expect("it is valid").start()
    }

    pub(crate) async fn archive(&self) -> Archive {
        Archive::open(self.shelf.clone()).await.expect("it can be read")
    }

    /// What is in the archive.
    pub(crate) async fn archived(&self, selection: ArchiveSelection) -> Vec<Envelope> {
        let mut events = self.archive().await.events(selection).expect("it has no gaps");
        let mut archived = Vec::new();
        while let Some(event) = events.next().await.expect("it is whole") {
            archived.push(event.envelope);
        }
        archived
    }

    /// A reader of the whole log that has read nothing yet.
    pub(crate) async fn reader(&self, name: &str) -> Follower {
        let reader = Reader { name: name.into(), sharding: Sharding::Whole };
        let worker = WorkerId(Uuid::from_u128(77));
        self.store.join(&reader, worker, LONG).await.expect("joined");
        let claim = Claim { worker, lanes_max: 1, lease_ttl: LONG };
        let lease = self.store.claim(&reader, claim).await.expect("claimed")[0];
        Follower { store: self.store.clone(), reader, lease }
    }
}

pub(crate) struct Follower {
    store: Arc<MemoryStore>,
    reader: Reader,
    pub(crate) lease: LaneLease,
}

impl Follower {
    /// Reads so many events and records that.
    pub(crate) async fn pass(&mut self, limit: u32) -> Vec<Envelope> {
        let batches = self.store.read(&[self.lease], limit).await.expect("read");
        let mut read = Vec::new();
        for batch in batches {
            self.lease.cursor = batch.through;
            self.lease.sequence += i64::try_from(batch.events.len()).expect("few");
            read.extend(batch.events.into_iter().map(|event| event.envelope));
        }
        let LaneLease { lane, epoch, cursor, sequence } = self.lease;
        let progress = LaneProgress { lane, epoch, cursor, sequence };
        self.store.advance(&self.reader, &[progress], LONG).await.expect("recorded");
        read
    }
}

/// Keeps nothing, each second.
pub(crate) fn keeper_config() -> KeeperConfig {
    KeeperConfig {
        policy: PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: u64::MAX },
        interval: SECOND,
        backoff_min: Duration::from_millis(10),
        alarm_after: SECOND * 60,
        call_timeout: SECOND * 5,
        stop_timeout: SECOND * 30,
    }
}

/// Segments of a few events.
pub(crate) fn archive_config() -> ArchiveConfig {
    ArchiveConfig {
        segment_bytes_max: 4_000,
        batch_size: 7,
        lease_ttl: SECOND * 3,
        ..ArchiveConfig::clear_text()
    }
}

/// Ends when the status is as wanted; gives it.
pub(crate) async fn until(
    keeper: &KeeperHandle,
    what: &str,
    wanted: impl FnMut(&KeeperStatus) -> bool,
) -> KeeperStatus {
    let mut watch = keeper.watch();
    let met = tokio::time::timeout(SECOND * 3_600, watch.wait_for(wanted)).await;
    let met = met.unwrap_or_else(|_| panic!("not within an hour: {what}; {:?}", keeper.status()));
    met.expect("it runs").clone()
}

/// Ends when a turn that began after the call has ended.
pub(crate) async fn next_turn(keeper: &KeeperHandle) -> KeeperStatus {
    let turns = keeper.metrics().turns;
    until(keeper, "two turns more", |status| status.metrics.turns >= turns + 2).await
}

/// Ends when everything is archived and dropped that there is.
pub(crate) async fn settled(keeper: &KeeperHandle, events: u64) {
    until(keeper, "all events to be archived and dropped", |status| {
        let metrics = &status.metrics;
        metrics.archive_events == events && metrics.events_dropped == events
    })
    .await;
}

pub(crate) fn ids(events: &[Envelope]) -> Vec<Uuid> {
    let mut ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
    ids.sort_unstable();
    ids
}
