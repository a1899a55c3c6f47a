//! Stores with a deliberate bug, under real relays in simulated time: the checkers must convict them.

use idp_application::{
    BlockedKey, BoxFuture, Claim, Clock, Deliveries, Due, Error, Lane, LaneBatch, LaneCount,
    LaneLease, LaneProgress, LaneRecord, Membership, Migrate, OutboxLog, Reader, SequentialIds,
    Settled, Settlement, WorkerId,
};
use idp_domain::{Timestamp, Uuid};
use idp_memory::MemoryStore;
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use idp_testkit::{
    Assembled, Recorder, RuntimeClock, Sink, TALLY_TABLES, Tallying, Violation, check,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(240);
const BATCH_SIZE: u32 = 4;
const HOUR: Duration = Duration::from_secs(3_600);

/// The clock of a store that believes each worker what time it is.
struct CredulousClock {
    time: RuntimeClock,
    /// By how many microseconds the clock of the worker that is served now is ahead.
    ahead: AtomicI64,
}

impl Clock for CredulousClock {
    fn now(&self) -> Timestamp {
        let micros = self.time.now().unix_micros() + self.ahead.load(Ordering::SeqCst);
        Timestamp::from_unix_micros(micros)
    }
}

/// The log as a worker sees it whose clock is ahead: its leases begin and end by that clock, and so
/// do those of the others in its eyes.
struct ByWorkersClock {
    store: Arc<MemoryStore>,
    clock: Arc<CredulousClock>,
    ahead: Duration,
}

impl ByWorkersClock {
    /// The store answers at once, so nobody else is served meanwhile.
    async fn served<T>(&self, call: BoxFuture<'_, Result<T, Error>>) -> Result<T, Error> {
        let ahead = i64::try_from(self.ahead.as_micros()).expect("not that far");
        self.clock.ahead.store(ahead, Ordering::SeqCst);
        let answer = call.await;
        self.clock.ahead.store(0, Ordering::SeqCst);
        answer
    }
}

impl OutboxLog for ByWorkersClock {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        // Who is alive is no question of leases.
        self.store.join(reader, worker, ttl)
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(self.served(self.store.claim(reader, claim)))
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        self.store.read(leases, limit)
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(self.served(self.store.advance(reader, progress, lease_ttl)))
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.store.release(reader, worker, leases)
    }
}

impl Deliveries for ByWorkersClock {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        self.store.blocked(reader, lanes)
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(self.served(self.store.record(reader, records, lease_ttl)))
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        self.store.due(reader, leases, limit)
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        self.store.settle(reader, settlement)
    }
}

/// A store, what is recorded of it, and whoever commits to it.
struct Service {
    store: Arc<MemoryStore>,
    clock: Arc<CredulousClock>,
    recorder: Recorder,
    tallying: Tallying,
}

impl Service {
    async fn start() -> Self {
        let time = RuntimeClock::start();
        let clock = Arc::new(CredulousClock { time, ahead: AtomicI64::new(0) });
        let lanes = LaneCount::new(1).expect("not too many");
        let store = MemoryStore::default().with_clock(clock.clone()).with_lanes(lanes);
        let store = Arc::new(store);
        store.migrate(TALLY_TABLES).await.expect("the tables can be made");
        let recorder = Recorder::new(BATCH_SIZE);
        let ids = Arc::new(SequentialIds::default());
        let tallying = Tallying::on(store.clone(), recorder.clone(), Arc::new(time), ids);
        Self { store, clock, recorder, tallying }
    }

    /// A worker of that number whose clock is so far ahead, and whose bus takes its time.
    fn worker(&self, number: u128, ahead: Duration) -> RelayHandle {
        let id = WorkerId(Uuid::from_u128(number));
        let skewed = ByWorkersClock { store: self.store.clone(), clock: self.clock.clone(), ahead };
        let skewed = Arc::new(skewed);
        let mut log = Assembled::of(&self.store);
        log.log = skewed.clone();
        log.deliveries = skewed;
        let bus = Sink::new(id, self.recorder.clone()).with_pace(Duration::from_millis(50));
        let config = RelayConfig { batch_size: BATCH_SIZE, ..RelayConfig::default() };
        let committed = self.tallying.app().committed();
        let relay =
            Relay::new(Target::new("bus", Arc::new(bus)), config, Arc::new(log), id, committed);
        relay.expect("the configuration is valid").start()
    }

    /// Lets a second worker come while the first one sends, with its clock so far ahead.
    async fn with_a_second_worker(&self, ahead: Duration) -> Vec<Violation> {
        let first = self.worker(1, Duration::ZERO);
        self.tallying.tally("acme", 12).await;
        let under_way = timeout(LONG, self.recorder.wait_for_events(6)).await;
        under_way.expect("the first worker sends");
        let second = self.worker(2, ahead);
        timeout(LONG, self.recorder.wait_for_events(12)).await.expect("all is sent");
        for relay in [first, second] {
            relay.stop().await.expect("the store answers");
        }
        check(&self.recorder.history())
    }
}

#[tokio::test(start_paused = true)]
async fn leases_that_go_by_the_clock_of_the_worker_are_convicted_of_duplicates() {
    let service = Service::start().await;
    let violations = service.with_a_second_worker(HOUR).await;
    let is_duplicate = |violation: &Violation| matches!(violation, Violation::Duplicates { .. });
    assert!(violations.iter().any(is_duplicate), "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_workers_with_one_clock_are_acquitted() {
    let service = Service::start().await;
    assert_eq!(service.with_a_second_worker(Duration::ZERO).await, []);
}
