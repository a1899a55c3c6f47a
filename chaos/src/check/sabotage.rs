//! Real relays with a deliberate bug each, in simulated time: the checkers of a run must convict them.
//! Those of a, b, c and d have theirs in `idp-relay` and `idp-testkit`.

use super::sample::mark;
use super::{Finding, delay, parking, recovery, stops};
use crate::journal::{Journal, Mark, append};
use crate::place::is_poisoned;
use idp_application::{
    Actor, BoxFuture, CommitSignal, DeadLetterAction, DeadLetterCommand, DeadLetters, Deliveries,
    Error, EventBus, Lane, LaneBatch, LaneCount, LaneLease, LaneRecord, Message, Migrate,
    OutboxLog, PublishError, Reader, SequentialIds, WorkerId, delegate_port,
};
use idp_domain::{EntityId, Uuid};
use idp_memory::MemoryStore;
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use idp_testkit::{
    Assembled, Reception, Recorder, RuntimeClock, Sink, TALLY_TABLES, TallyId, Tallying,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const TARGET: &str = "plain";
const BATCH_SIZE: u32 = 4;
const PACE: Duration = Duration::from_millis(50);
/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(240);

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// An event that the bus refuses is passed over, and not set aside.
    SkipsInsteadOfParking,
    /// Nothing is read while a transaction is open.
    WaitsForTheOldest,
    /// A connection that broke is used for ever.
    NeverReconnects,
    /// What was sent is not recorded when the process is asked to end.
    ForgetsAtTheStop,
}

/// What happens around the relays.
#[derive(Default)]
struct World {
    is_transaction_open: AtomicBool,
    is_bus_away: AtomicBool,
    is_stopping: AtomicBool,
    is_cured: AtomicBool,
}

/// A log, or a bus, with a bug.
struct Sabotaged<T: ?Sized> {
    inner: Arc<T>,
    bug: Bug,
    world: Arc<World>,
    /// Of the bus.
    is_broken: AtomicBool,
}

impl OutboxLog for Sabotaged<MemoryStore> {
    delegate_port!(OutboxLog { join, claim, advance, release } => |this| this.inner);

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move {
            let waits = self.bug == Bug::WaitsForTheOldest;
            while waits && self.world.is_transaction_open.load(Ordering::SeqCst) {
                sleep(PACE).await;
            }
            self.inner.read(leases, limit).await
        })
    }
}

impl Deliveries for Sabotaged<MemoryStore> {
    delegate_port!(Deliveries { blocked, due, settle } => |this| this.inner);

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let is_stopping = self.world.is_stopping.load(Ordering::SeqCst);
            if self.bug == Bug::ForgetsAtTheStop && is_stopping {
                return Ok(records.iter().map(|record| record.progress.lane).collect());
            }
            let mut records = records.to_vec();
            if self.bug == Bug::SkipsInsteadOfParking {
                records.iter_mut().for_each(|record| record.aside.clear());
            }
            self.inner.record(reader, &records, lease_ttl).await
        })
    }
}

impl EventBus for Sabotaged<dyn EventBus> {
    delegate_port!(EventBus { system, guarantees } => |this| this.inner);

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        let is_away = self.world.is_bus_away.load(Ordering::SeqCst);
        if is_away {
            self.is_broken.store(self.bug == Bug::NeverReconnects, Ordering::SeqCst);
        }
        if is_away || self.is_broken.load(Ordering::SeqCst) {
            let error = PublishError::unavailable(0, "there is no connection");
            return Box::pin(std::future::ready(Err(error)));
        }
        self.inner.publish(messages)
    }
}

/// A store, whoever commits to it, and what is recorded.
struct Service {
    store: Arc<MemoryStore>,
    recorder: Recorder,
    tallying: Tallying,
    world: Arc<World>,
    bug: Bug,
    history: PathBuf,
    _folder: TempDir,
}

impl Service {
    async fn with(bug: Bug) -> Self {
        let folder = tempfile::tempdir().expect("the temp dir is writable");
        let history = folder.path().join("plain.jsonl");
        let clock = Arc::new(RuntimeClock::start());
        let lanes = LaneCount::new(1).expect("not too many");
        let store = Arc::new(MemoryStore::default().with_clock(clock.clone()).with_lanes(lanes));
        store.migrate(TALLY_TABLES).await.expect("the tables can be made");
        let recorder = Recorder::new(BATCH_SIZE).appending_to(&history).expect("it is writable");
        let ids = Arc::new(SequentialIds::default());
        let tallying = Tallying::on(store.clone(), recorder.clone(), clock, ids);
        let world = Arc::default();
        Self { store, recorder, tallying, world, bug, history, _folder: folder }
    }

    fn sabotaged<T: ?Sized>(&self, inner: Arc<T>) -> Arc<Sabotaged<T>> {
        let (bug, world) = (self.bug, self.world.clone());
        Arc::new(Sabotaged { inner, bug, world, is_broken: AtomicBool::new(false) })
    }

    fn relay(&self, number: u128) -> RelayHandle {
        let id = WorkerId(Uuid::from_u128(number));
        let mut log = Assembled::of(&self.store);
        let sabotaged = self.sabotaged(self.store.clone());
        log.log = sabotaged.clone();
        log.deliveries = sabotaged;
        let world = self.world.clone();
        let sink = Sink::new(id, self.recorder.clone()).with_pace(PACE);
        let sink: Arc<dyn EventBus> = Arc::new(sink.with_plan(move |messages| {
            let poison = messages.iter().position(|m| is_poisoned(m.event.aggregate_id));
            match poison {
                Some(accepted) if !world.is_cured.load(Ordering::SeqCst) => {
                    Reception::Refuse { accepted }
                }
                _ => Reception::Take,
            }
        }));
        let target = Target::new(TARGET, self.sabotaged(sink));
        let config = RelayConfig { batch_size: BATCH_SIZE, ..RelayConfig::default() };
        let relay = Relay::new(target, config, Arc::new(log), id, &CommitSignal::default());
        relay.expect("the configuration is valid").start()
    }

    fn mark(&self, it: Mark) {
        append(&self.history, &mark(it)).expect("it is writable");
    }

    /// Whether so many different events arrive.
    async fn arrive(&self, count: usize) -> bool {
        timeout(LONG, self.recorder.wait_for_events(count)).await.is_ok()
    }

    fn journal(&self) -> Journal {
        let mut journal = Journal::of(self.history.clone());
        journal.read_on().expect("it is readable");
        journal
    }
}

fn set(flag: &AtomicBool, value: bool) {
    flag.store(value, Ordering::SeqCst);
}

async fn stop(relay: RelayHandle) -> bool {
    relay.stop().await.is_ok()
}

/// One of a hundred keys is refused; in the end an operator resumes it.
async fn poisoned(bug: Bug) -> Vec<Finding> {
    let service = Service::with(bug).await;
    let relay = service.relay(1);
    let mut log = HashMap::new();
    while !log.values().any(|aggregate| is_poisoned(*aggregate)) {
        let tally: TallyId = service.tallying.tally("acme", 1).await;
        service.tallying.count("acme", tally, 1).await;
        let intents = service.recorder.history().intents;
        let events = intents.iter().flat_map(|i| i.events.iter().map(|e| (*e, i.aggregate)));
        log = events.collect();
        assert!(log.len() < 2_000, "no key is ever poisoned");
    }
    let healthy = log.values().filter(|aggregate| !is_poisoned(**aggregate)).count();
    service.arrive(healthy).await;
    // What is refused is known soon after.
    sleep(LONG).await;
    let parked = service.store.parked(TARGET, None, None, 100).await;
    let parked = parked.expect("the store answers");
    let keys = parked.iter().map(|key| key.key.aggregate_id).collect();
    service.mark(Mark::Resuming { parked: keys });
    set(&service.world.is_cured, true);
    for key in parked {
        let command = DeadLetterCommand {
            actor: Actor::new("operator"),
            key: key.key,
            revision: key.revision,
            action: DeadLetterAction::Resume,
            reason: "it is cured".into(),
        };
        service.store.command(TARGET, &command).await.expect("it is parked");
    }
    service.arrive(log.len()).await;
    stop(relay).await;
    parking::check(&service.journal().lines, &log)
}

/// Others commit while a transaction is open.
async fn beside_a_long_transaction(bug: Bug) -> Vec<Finding> {
    let service = Service::with(bug).await;
    let relay = service.relay(1);
    let slow = service.tallying.tally("acme", 1).await;
    assert!(service.arrive(1).await);
    let aggregate = slow.uuid();
    set(&service.world.is_transaction_open, true);
    service.mark(Mark::Held { aggregate });
    service.tallying.tally("acme", 6).await;
    service.mark(Mark::StillHeld { aggregate });
    sleep(LONG).await;
    service.mark(Mark::LetGo { aggregate });
    // It could not be seen before.
    service.tallying.count("acme", slow, 1).await;
    set(&service.world.is_transaction_open, false);
    assert!(service.arrive(8).await);
    stop(relay).await;
    delay::check(&service.journal().lines)
}

/// The bus is away for a while.
async fn without_a_bus(bug: Bug) -> Vec<Finding> {
    let service = Service::with(bug).await;
    let relay = service.relay(1);
    let fault = || "broker_killed".to_owned();
    service.mark(Mark::Began { fault: fault() });
    set(&service.world.is_bus_away, true);
    service.tallying.tally("acme", 6).await;
    sleep(LONG).await;
    set(&service.world.is_bus_away, false);
    service.mark(Mark::Healed { fault: fault() });
    service.mark(match service.arrive(6).await {
        true => Mark::Drained { fault: fault() },
        false => Mark::Stuck { fault: fault(), left: 6 },
    });
    stop(relay).await;
    recovery::check(&service.journal().lines)
}

/// A process is asked to end in the middle of its work, and another one goes on.
async fn handed_over(bug: Bug) -> Vec<Finding> {
    let service = Service::with(bug).await;
    service.mark(Mark::StopsBegan);
    let first = service.relay(1);
    service.tallying.tally("acme", 12).await;
    assert!(service.arrive(6).await);
    set(&service.world.is_stopping, true);
    let is_graceful = stop(first).await;
    service.mark(Mark::Stopped { process: 1, is_graceful });
    set(&service.world.is_stopping, false);
    let second = service.relay(2);
    assert!(service.arrive(12).await);
    let is_graceful = stop(second).await;
    service.mark(Mark::Stopped { process: 2, is_graceful });
    service.mark(Mark::StopsEnded);
    stops::check(&service.journal().lines)
}

#[tokio::test(start_paused = true)]
async fn a_real_relay_that_skips_instead_of_parking_is_convicted() {
    assert_eq!(poisoned(Bug::None).await, []);
    let findings = poisoned(Bug::SkipsInsteadOfParking).await;
    assert!(findings.iter().any(|f| f.text.contains("neither delivered nor")), "{findings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_real_relay_that_waits_for_the_oldest_transaction_is_convicted() {
    assert_eq!(beside_a_long_transaction(Bug::None).await, []);
    let findings = beside_a_long_transaction(Bug::WaitsForTheOldest).await;
    let expected = Finding::new("j", "6 events of others waited for a long transaction");
    assert_eq!(findings, [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_real_relay_whose_bus_never_connects_again_is_convicted() {
    assert_eq!(without_a_bus(Bug::None).await, []);
    let findings = without_a_bus(Bug::NeverReconnects).await;
    let expected = "6 events had not arrived long after broker_killed was healed";
    assert_eq!(findings, [Finding::new("l", expected)]);
}

#[tokio::test(start_paused = true)]
async fn a_real_relay_that_forgets_at_its_stop_what_it_sent_is_convicted() {
    assert_eq!(handed_over(Bug::None).await, []);
    let findings = handed_over(Bug::ForgetsAtTheStop).await;
    assert!(findings.iter().any(|f| f.text.contains("arrived again")), "{findings:?}");
}
