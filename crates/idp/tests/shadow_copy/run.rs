//! One run: who takes part, what happens when, and what was found.

use crate::actors::{Reading, keepers, tenant, write};
use crate::moment::Moment;
use crate::shadow::Shadow;
use crate::stage::Stage;
use idp_application::{
    Actor, Backend, CommitSignal, HoldFrom, KeepingAction, KeepingCommand, LogKeeping, RelayLog,
    Sharding, TenantPolicy, TenantPolicyOrder, WorkerId,
};
use idp_domain::Uuid;
use idp_keeper::{Archive, ArchiveStore, DirectoryArchive, KeeperHandle};
use idp_memory::MemoryBus;
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const WRITERS: u64 = 3;
const COMMITS: u32 = 120;
const MOMENTS: usize = 12;
const RELAYED: &str = "relayed";

/// A run on a stage.
pub(crate) struct Run {
    stage: Stage,
    keeping: Arc<dyn LogKeeping>,
    archive: Arc<dyn ArchiveStore>,
    patience: Duration,
}

/// What was found.
pub(crate) struct Outcome {
    pub(crate) faults: BTreeSet<String>,
    /// Looks at which something was in the log no more.
    looks_after_a_drop: usize,
    events: usize,
}

impl Outcome {
    /// Nothing is wrong, and it was put to the test.
    pub(crate) fn acquit(self) {
        let Self { faults, looks_after_a_drop, events } = self;
        assert_eq!(faults, BTreeSet::new());
        assert!(events > 500, "only {events} events were committed");
        assert!(looks_after_a_drop > MOMENTS / 2, "{looks_after_a_drop} looks after a drop");
    }
}

/// Who reads.
pub(crate) struct Actors {
    readings: Vec<Reading>,
    bus: Arc<MemoryBus>,
    relay: RelayHandle,
}

impl Actors {
    /// What each reader has read.
    pub(crate) fn read(&self) -> Vec<(&str, BTreeSet<Uuid>)> {
        let relayed = self.bus.messages().iter().map(|message| message.event.id).collect();
        let read = self.readings.iter().map(|reading| (reading.name, reading.got.ids()));
        read.chain([(RELAYED, relayed)]).collect()
    }

    fn rest(&self, name: &str, rests: bool) {
        let reading = self.readings.iter().find(|reading| reading.name == name);
        reading.expect("it takes part").rests.send_replace(rests);
    }
}

impl Run {
    pub(crate) fn new(stage: Stage) -> Self {
        let archive = DirectoryArchive::open(stage.folder.path().join("archive"));
        let archive = Arc::new(archive.expect("it opens"));
        let backend: Arc<dyn Backend> = Arc::clone(&stage.backend);
        Self { keeping: backend, archive, stage, patience: Duration::from_secs(150) }
    }

    /// With something in the place of what keeps the log. What never comes is waited for less long.
    pub(crate) fn keeping(
        mut self,
        wrong: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn LogKeeping>,
    ) -> Self {
        self.keeping = wrong(Arc::clone(&self.stage.backend));
        self.patience = Duration::from_secs(4);
        self
    }

    /// With something in the place of the archive.
    pub(crate) fn archive(
        mut self,
        wrong: impl FnOnce(Arc<dyn ArchiveStore>) -> Arc<dyn ArchiveStore>,
    ) -> Self {
        self.archive = wrong(self.archive);
        self.patience = Duration::from_secs(4);
        self
    }

    /// As if something were wrong with the store itself.
    pub(crate) fn impatient(mut self) -> Self {
        self.patience = Duration::from_secs(4);
        self
    }

    pub(crate) async fn perform(self) -> Outcome {
        let shadow = Shadow::default();
        let actors = self.actors().await;
        let keepers = keepers(&self.stage, &self.keeping, &self.archive);
        self.until(|| keepers.iter().all(|keeper| keeper.metrics().turns > 0)).await;
        let mut writers = self.writers(&shadow);
        let mut outcome = Outcome { faults: BTreeSet::new(), looks_after_a_drop: 0, events: 0 };
        let mut seen = BTreeSet::new();
        for at in 0..MOMENTS {
            self.happen(at, &actors, &mut outcome).await;
            let wanted = (at + 1) * 60;
            self.until(|| shadow.len() >= wanted || writers.is_empty()).await;
            let moment = Moment::look(&shadow, &self.stage.backend, &actors, &self.archive).await;
            outcome.looks_after_a_drop += usize::from(moment.dropped > 0);
            outcome.faults.extend(moment.faults);
            seen.extend(moment.seen);
        }
        while let Some(written) = writers.join_next().await {
            written.expect("a writer does not panic");
        }
        self.end(&shadow, actors, keepers, &mut outcome).await;
        let all = shadow.events();
        if seen.iter().any(|id| !all.contains_key(id)) {
            outcome.faults.insert("an event was seen that nobody committed".into());
        }
        outcome.events = all.len();
        outcome
    }

    async fn actors(&self) -> Actors {
        let backend = &self.stage.backend;
        let millis = Duration::from_millis;
        let bus = Arc::new(MemoryBus::default());
        let (worker, signal) = (WorkerId(Uuid::from_u128(50)), CommitSignal::default());
        let config = RelayConfig {
            poll_interval: millis(10),
            side_poll_interval: millis(50),
            heartbeat_interval: millis(100),
            batch_size: 30,
            ..RelayConfig::default()
        };
        let log: Arc<dyn RelayLog> = backend.clone();
        let relay = Relay::new(Target::new(RELAYED, bus.clone()), config, log, worker, &signal);
        let relay = relay.expect("it is valid").start();
        let by_lane = Sharding::ByLane;
        let readings = vec![
            Reading::start(backend, "fast", Sharding::Whole, (100, millis(2))).await,
            Reading::start(backend, "slow", Sharding::Whole, (9, millis(15))).await,
            Reading::start(backend, "stopping", by_lane, (40, millis(5))).await,
        ];
        let actors = Actors { readings, bus, relay };
        self.until(|| actors.relay.metrics().claimed > 0).await;
        actors
    }

    fn writers(&self, shadow: &Shadow) -> JoinSet<()> {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = shadow.of(self.stage.backend.clone());
            writers.spawn(write(store, writer, COMMITS, Duration::from_millis(15)));
        }
        for (slow, seed) in self.stage.slow.iter().zip(100..) {
            let store = shadow.of(slow.clone());
            writers.spawn(write(store, seed, 12, Duration::from_millis(50)));
        }
        writers
    }

    /// What happens before each look.
    async fn happen(&self, at: usize, actors: &Actors, outcome: &mut Outcome) {
        match at {
            2 => actors.rest("stopping", true),
            4 => self.hold_for_a_while(outcome).await,
            5 => actors.rest("stopping", false),
            6 => self.pause_tenant(true).await,
            9 => self.pause_tenant(false).await,
            _ => {}
        }
    }

    /// While it stands nothing is dropped.
    async fn hold_for_a_while(&self, outcome: &mut Outcome) {
        let backend = &self.stage.backend;
        let keep = async |action| {
            let command =
                KeepingCommand { actor: Actor::new("ann"), action, reason: "a look".into() };
            backend.keep(&command).await.expect("it can be done");
        };
        let name = || "a hold".to_owned();
        keep(KeepingAction::Hold { name: name(), from: HoldFrom::Oldest }).await;
        let before = self.dropped().await;
        sleep(Duration::from_millis(200)).await;
        if self.dropped().await != before {
            outcome.faults.insert("something was dropped while a hold stood".into());
        }
        keep(KeepingAction::Release { name: name() }).await;
    }

    /// How many events were dropped, as a reader is told that comes now.
    async fn dropped(&self) -> u64 {
        let backend = &self.stage.backend;
        let late = crate::reader::Follower::join(backend, "late", Sharding::Whole, 901).await;
        let readers = backend.readers().await.expect("the readers can be asked for");
        let status = readers.iter().find(|status| status.name == "late").expect("it has joined");
        let missed = status.events_missed;
        assert_eq!(i64::try_from(missed), Ok(late.leases[0].sequence));
        let action = KeepingAction::Forget { reader: "late".into(), is_forced: true };
        let (actor, reason) = (Actor::new("ann"), "it was a look".to_owned());
        let forget = KeepingCommand { actor, action, reason };
        backend.keep(&forget).await.expect("it is there");
        missed
    }

    async fn pause_tenant(&self, is_paused: bool) {
        let policy = TenantPolicy { is_paused, ..TenantPolicy::usual(tenant(0)) };
        let (actor, reason) = (Actor::new("ann"), "a test".to_owned());
        let order = TenantPolicyOrder { actor, policy, reason };
        self.stage.backend.set_tenant_policy(RELAYED, &order).await.expect("it is taken");
    }

    /// Everybody gets the rest; the archive has everything.
    async fn end(
        &self,
        shadow: &Shadow,
        actors: Actors,
        keepers: Vec<KeeperHandle>,
        outcome: &mut Outcome,
    ) {
        let all = shadow.events();
        self.until(|| actors.read().iter().all(|(_, read)| read.len() >= all.len())).await;
        for reading in &actors.readings {
            outcome.faults.extend(reading.got.faults(reading.name, &all));
        }
        let relayed = relayed_faults(&actors.bus, all.keys().copied().collect());
        if !relayed.is_empty() {
            outcome.faults.insert(format!("{relayed:?}: {:?}", actors.relay.metrics()));
        }
        if actors.relay.metrics().lanes_failing > 0 {
            outcome.faults.insert("something was dropped that the relay was to read".into());
        }
        self.archive_to_the_end(all.len()).await;
        let moment = Moment::look(shadow, &self.stage.backend, &actors, &self.archive).await;
        outcome.faults.extend(moment.faults);
        let archive = Archive::open(Arc::clone(&self.archive)).await.expect("it can be read");
        let report = archive.verify().await.expect("it can be read");
        if !report.is_whole() || report.events != u64::try_from(all.len()).expect("few") {
            outcome.faults.insert(format!(
                "the archive has {} events of {}: {:?}, {:?}",
                report.events,
                all.len(),
                report.gaps,
                report.damages
            ));
        }
        for keeper in keepers {
            keeper.stop().await.expect("it stops");
        }
        actors.relay.stop().await.expect("it stops");
    }

    /// Ends when the archive has so many events, or patience does.
    async fn archive_to_the_end(&self, events: usize) {
        let begun = Instant::now();
        while begun.elapsed() < self.patience {
            let archive = Archive::open(Arc::clone(&self.archive)).await.expect("it can be read");
            let archived: i64 = archive.lanes().iter().map(|range| range.last).sum();
            if usize::try_from(archived).is_ok_and(|archived| archived >= events) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends when it is so, or patience does: what is lacking is found by the checks.
    async fn until(&self, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        drop(timeout(self.patience, wait).await);
    }
}

/// Each event once, those of an aggregate in the order of its versions.
fn relayed_faults(bus: &MemoryBus, mut missing: BTreeSet<Uuid>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut versions: BTreeMap<Uuid, i64> = BTreeMap::new();
    for message in bus.messages() {
        if !missing.remove(&message.event.id) {
            faults.push("an event was relayed twice".to_owned());
        }
        let version = message.event.aggregate_version;
        let last = versions.insert(message.event.aggregate_id, version);
        if last.is_some_and(|last| last > version) {
            faults.push("an aggregate was relayed out of order".to_owned());
        }
    }
    if !missing.is_empty() {
        faults.push(format!("{} events were never relayed", missing.len()));
    }
    faults
}
