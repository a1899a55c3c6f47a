//! A replay: a second target under another name, which is sent again what it asks for, and ends.

use crate::service::{LONG, Service, config, until, worker_id};
use idp_application::{
    Claim, Clock, Cursor, Lane, LaneLease, Message, OutboxLog, Reader, Sharding,
};
use idp_domain::{TenantId, Timestamp, Uuid};
use idp_memory::MemoryBus;
use idp_relay::{EventFilter, Relay, RelayConfig, RelayHandle, Target};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// What a lane brought, in the order of its arrival: numbers and events.
type ByLane = BTreeMap<Lane, Vec<(i64, Uuid)>>;

/// A service whose target `bus` has sent everything: events of two tenants before, in and behind a
/// range of time, those at its two ends included.
struct Past {
    service: Service,
    bus: Arc<MemoryBus>,
    from: Timestamp,
    before: Timestamp,
}

impl Past {
    /// With the relay of that target, which still runs.
    async fn new() -> (Self, RelayHandle) {
        let service = Service::start(4).await;
        let bus = Arc::new(MemoryBus::default());
        let mut setup = service.worker(1);
        setup.bus = bus.clone();
        let relay = setup.start();
        commit(&service).await;
        sleep(Duration::from_secs(10)).await;
        let from = service.clock.now();
        commit(&service).await;
        sleep(Duration::from_secs(10)).await;
        commit(&service).await;
        sleep(Duration::from_secs(10)).await;
        let before = service.clock.now();
        commit(&service).await;
        until(&relay, |metrics| metrics.recorded == 4 * EVENTS).await;
        (Self { service, bus, from, before }, relay)
    }

    /// Sends what is of globex and in the range to another bus, in batches that are smaller than what
    /// there is.
    fn replay(&self, bus: &Arc<MemoryBus>) -> RelayHandle {
        let filter = EventFilter::all()
            .tenants([globex()])
            .occurred_from(self.from)
            .occurred_before(self.before);
        let target = Target::new("replay", bus.clone()).only(filter);
        let config = RelayConfig { ends_when_drained: true, ..config() };
        let (store, committed) = (self.service.store.clone(), self.service.app().committed());
        let relay = Relay::new(target, config, store, worker_id(9), committed);
        relay.expect("the configuration is valid").start()
    }

    /// What of the messages the replay is to send.
    fn range(&self, messages: &[Message]) -> ByLane {
        let is_meant = |message: &&Message| {
            let event = &message.event;
            event.tenant == globex() && event.time >= self.from && event.time < self.before
        };
        by_lane(messages.iter().filter(is_meant))
    }

    /// Where the target `bus` stands in each lane, once nobody holds it.
    async fn positions(&self) -> Vec<(Lane, Cursor, i64)> {
        let (reader, worker) =
            (Reader { name: "bus".into(), sharding: Sharding::ByLane }, worker_id(99));
        let claim = Claim { worker, lanes_max: 4, lease_ttl: Duration::from_secs(1) };
        let leases = self.service.store.claim(&reader, claim).await.expect("the store answers");
        self.service.store.release(&reader, worker, &leases).await.expect("the store answers");
        let place = |lease: &LaneLease| (lease.lane, lease.cursor, lease.sequence);
        assert_eq!(leases.len(), 4, "they are free");
        leases.iter().map(place).collect()
    }
}

/// What one [`commit`] commits, half of it of globex.
const EVENTS: u64 = 30;

/// Three aggregates of each of two tenants, with five events each.
async fn commit(service: &Service) {
    for _ in 0..3 {
        for tenant in ["acme", "globex"] {
            let tally = service.tally(tenant, 2).await;
            service.count(tenant, tally, 3).await;
        }
    }
}

fn globex() -> TenantId {
    TenantId::new("globex").expect("valid")
}

fn by_lane<'m>(messages: impl IntoIterator<Item = &'m Message>) -> ByLane {
    let mut lanes = ByLane::new();
    for message in messages {
        let numbered = (message.sequence, message.event.id);
        lanes.entry(message.stream.lane).or_default().push(numbered);
    }
    lanes
}

fn count(lanes: &ByLane) -> usize {
    lanes.values().map(Vec::len).sum()
}

async fn ended(relay: RelayHandle) {
    timeout(LONG, relay.ended()).await.expect("it ends by itself").expect("the store answers");
}

#[tokio::test(start_paused = true)]
async fn a_replay_sends_its_range_once_and_in_order_and_touches_no_other_target() {
    let (past, relay) = Past::new().await;
    relay.stop().await.expect("the store answers");
    let (sent, positions) = (past.bus.messages(), past.positions().await);
    let bus = Arc::new(MemoryBus::default());
    ended(past.replay(&bus)).await;
    let replayed = by_lane(&bus.messages());
    assert_eq!(count(&replayed), 30, "two commits of four are in the range");
    assert_eq!(replayed, past.range(&sent), "under the numbers that they had");
    assert!(bus.messages().iter().all(|m| m.stream.to_string().starts_with("replay/")));
    assert_eq!(past.positions().await, positions);
    assert_eq!(past.bus.messages(), sent);
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_during_a_replay_goes_to_the_first_target_alone_and_at_once() {
    let (past, relay) = Past::new().await;
    let sent = past.bus.messages();
    let bus = Arc::new(MemoryBus::default());
    bus.pause();
    let replay = past.replay(&bus);
    until(&replay, |metrics| metrics.lanes_held == 4).await;
    let start = Instant::now();
    commit(&past.service).await;
    timeout(LONG, past.bus.wait_for(sent.len() + 30)).await.expect("they arrive");
    assert!(start.elapsed() < Duration::from_secs(1), "nothing holds them up");
    assert!(replay.is_running() && bus.messages().is_empty(), "it has sent nothing yet");

    bus.resume();
    timeout(LONG, bus.wait_for(1)).await.expect("it goes on");
    commit(&past.service).await;
    ended(replay).await;
    until(&relay, |metrics| metrics.recorded == 6 * EVENTS).await;
    relay.stop().await.expect("the store answers");
    assert_eq!(by_lane(&bus.messages()), past.range(&sent));
    assert_each_once(&past.bus.messages(), 6 * 30);
    assert_eq!(past.bus.messages()[..sent.len()], sent);
    let done: i64 = past.positions().await.iter().map(|(_, _, sequence)| sequence).sum();
    assert_eq!(done, 6 * 30);
}

/// Each event once, those of a lane under dense numbers.
fn assert_each_once(messages: &[Message], events: usize) {
    assert_eq!(messages.len(), events);
    for (lane, numbered) in by_lane(messages) {
        let numbers = numbered.iter().map(|(number, _)| *number);
        assert!(numbers.eq(1..=i64::try_from(numbered.len()).expect("few")), "{lane:?}");
    }
}
