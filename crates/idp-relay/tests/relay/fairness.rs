//! Tenants of whom nobody said anything: one that fills a lane does not keep the others waiting for all
//! of its backlog. What they wait for is counted in events of it that go before theirs, not in time.
//!
//! Long because runs, faults and the logs that must be convicted share one world.

use crate::service::{LONG, Service, Setup, config, until, worker_id};
use idp_application::{
    BoxFuture, Deliveries, Error, LOOKS_PER_EVENT, LaneTracks, OutboxLog, Reader, RelayLog,
    TenantPolicies, TenantScope, TenantTracks, TrackBatch, TrackChange, TrackReading,
    delegate_port,
};
use idp_domain::{EntityId, Uuid};
use idp_relay::{RelayConfig, RelayHandle};
use idp_testkit::{
    Delivery, Dice, Fate, History, Reception, Sink, TallyId, Unreliable, Violation, check,
    check_stored,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const SEEDS: u64 = 40;

/// The tenant whose import fills the lanes.
const FLOOD: &str = "acme";

/// How many of so many events of the flood in a lane may go before one of another tenant, for each owner
/// that the lane has meanwhile: those until it is noticed, one send for each look at who waits, and a few
/// more.
fn before_max(flood: u32) -> usize {
    let sends = flood / (LOOKS_PER_EVENT * config().batch_size) + 10;
    let events = fair().fair_backlog + sends * config().batch_size;
    usize::try_from(events).expect("a small number")
}

fn fair() -> RelayConfig {
    RelayConfig { fair_backlog: 20, ..config() }
}

/// A commit of another tenant, and how much had arrived before it.
struct Waiting {
    lane: i16,
    event: Uuid,
    from: usize,
}

struct Flooded {
    service: Service,
    others: Vec<(&'static str, TallyId)>,
    waiting: Vec<Waiting>,
}

impl Flooded {
    /// Others have an event each, and then comes the flood.
    async fn start(lanes: u16, flood: u32) -> Self {
        let service = Service::start(lanes).await;
        service.recorder.expect_gaps();
        let mut others = Vec::new();
        for tenant in ["globex", "globex", "initech", "initech"] {
            others.push((tenant, service.tally(tenant, 1).await));
        }
        for _ in 0..flood / 100 {
            service.tally(FLOOD, 100).await;
        }
        Self { service, others, waiting: Vec::new() }
    }

    /// Another tenant commits an event.
    async fn commit(&mut self, which: usize) {
        let (tenant, tally) = self.others[which % self.others.len()];
        self.service.count(tenant, tally, 1).await;
        let lane = self.service.lane_of(tenant, tally).number();
        let history = self.service.recorder.history();
        let from = history.deliveries.len();
        let intents = history.intents.iter().rev();
        let intent = intents.into_iter().find(|intent| intent.aggregate == tally.uuid());
        let event = *intent.and_then(|intent| intent.events.last()).expect("it was committed");
        self.waiting.push(Waiting { lane, event, from });
    }

    /// The most events of the flood that went before one of another tenant, for each owner that its
    /// lane had meanwhile.
    fn went_before(&self) -> usize {
        let history = self.service.recorder.history();
        let others: HashSet<Uuid> = others(&history);
        let each = self.waiting.iter().map(|waiting| waiting.went_before(&history, &others));
        each.max().expect("somebody waited")
    }

    async fn all_arrive(&self) {
        let committed = self.service.recorder.history().intents;
        let committed: HashSet<Uuid> =
            committed.iter().flat_map(|intent| intent.events.iter().copied()).collect();
        self.service.events(committed.len()).await;
    }
}

fn others(history: &History) -> HashSet<Uuid> {
    let others = history.intents.iter().filter(|intent| intent.tenant.as_str() != FLOOD);
    others.flat_map(|intent| intent.events.iter().copied()).collect()
}

impl Waiting {
    fn went_before(&self, history: &History, others: &HashSet<Uuid>) -> usize {
        let since = history.deliveries.iter().skip(self.from);
        let in_lane: Vec<&Delivery> = since
            .take_while(|delivery| delivery.event != self.event)
            .filter(|delivery| delivery.lane == self.lane)
            .collect();
        let of_flood: BTreeSet<Uuid> =
            in_lane.iter().map(|d| d.event).filter(|event| !others.contains(event)).collect();
        let owners: BTreeSet<i64> = in_lane.iter().map(|delivery| delivery.epoch).collect();
        of_flood.len() / owners.len().max(1)
    }
}

/// A worker whose bus takes a millisecond for each message.
fn started(service: &Service, mut setup: Setup<'_>, config: RelayConfig) -> RelayHandle {
    let sink = Sink::new(setup.id, service.recorder.clone());
    setup.bus = Arc::new(sink.with_pace(Duration::from_millis(1)));
    setup.config = config;
    setup.start()
}

#[tokio::test(start_paused = true)]
async fn behind_the_backlog_of_one_tenant_others_wait_a_few_sends_only() {
    let mut world = Flooded::start(2, 20_000).await;
    let relay = started(&world.service, world.service.worker(1), fair());
    for round in 0..20 {
        sleep(Duration::from_millis(50)).await;
        world.commit(round).await;
    }
    world.all_arrive().await;
    let before = world.went_before();
    assert!(before <= before_max(20_000), "{before} events of the flood went before another one");
    until(&relay, |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(world.service.violations(), []);
    assert_eq!(check_stored(&world.service.recorder.history()), []);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_not_fair_is_convicted_of_it() {
    let mut world = Flooded::start(1, 5_000).await;
    let off = RelayConfig { fair_backlog: 0, ..config() };
    let relay = started(&world.service, world.service.worker(1), off);
    sleep(Duration::from_millis(50)).await;
    world.commit(0).await;
    world.all_arrive().await;
    assert!(world.went_before() > 10 * before_max(5_000), "{}", world.went_before());
    assert_eq!(relay.metrics().tenant_tracks, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_behind_whom_nobody_waits_is_not_split_off() {
    let service = Service::start(2).await;
    for _ in 0..50 {
        service.tally(FLOOD, 100).await;
    }
    let relay = started(&service, service.worker(1), fair());
    let mut metrics = relay.watch();
    let split = metrics.wait_for(|metrics| metrics.tenant_tracks > 0 || metrics.recorded == 5_000);
    let split = timeout(LONG, split).await.expect("it gets there").expect("it runs").tenant_tracks;
    assert_eq!(split, 0);
    let history = service.recorder.history();
    assert!(history.deliveries.iter().all(|d| !d.stream.contains("tenant")), "one stream a lane");
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn several_tenants_that_fill_a_lane_are_split_off_one_after_another() {
    let service = Service::start(1).await;
    service.recorder.expect_gaps();
    for _ in 0..40 {
        for tenant in ["acme", "globex", "initech"] {
            service.tally(tenant, 100).await;
        }
    }
    let rare = service.tally("umbrella", 1).await;
    let relay = started(&service, service.worker(1), RelayConfig { fair_percent: 30, ..fair() });
    until(&relay, |metrics| metrics.tenant_tracks_automatic >= 2).await;
    let from = service.recorder.history().deliveries.len();
    service.count("umbrella", rare, 1).await;
    let intents = service.recorder.history().intents;
    let mut of_rare = intents.iter().filter(|intent| intent.aggregate == rare.uuid());
    let last = *of_rare.next_back().and_then(|i| i.events.last()).expect("it was committed");
    service.events(12_002).await;
    let history = service.recorder.history();
    let at = history.deliveries.iter().position(|delivery| delivery.event == last);
    let before = at.expect("it arrived") - from;
    assert!(before <= 5 * before_max(4_000), "{before} of three floods went before");
    until(&relay, |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn no_more_tenants_are_split_off_in_a_lane_than_may_be() {
    let service = Service::start(1).await;
    service.recorder.expect_gaps();
    for _ in 0..20 {
        for tenant in ["acme", "globex", "initech"] {
            service.tally(tenant, 100).await;
        }
    }
    let few = RelayConfig { fair_percent: 30, fair_tracks_max: 1, ..fair() };
    let relay = started(&service, service.worker(1), few);
    let mut metrics = relay.watch();
    let ended = metrics.wait_for(|metrics| metrics.tenant_tracks > 1 || metrics.published == 6_000);
    let ended = timeout(LONG, ended).await.expect("it gets there").expect("it runs").tenant_tracks;
    assert!(ended <= 1, "{ended}");
    assert_eq!(service.violations(), []);
}

/// What of others went before the event that a rare tenant commits now, when there are `events` in all.
async fn before_a_rare_event(service: &Service, rare: TallyId, events: usize) -> usize {
    let from = service.recorder.history().deliveries.len();
    service.count("umbrella", rare, 1).await;
    let intents = service.recorder.history().intents;
    let mut of_rare = intents.iter().filter(|intent| intent.aggregate == rare.uuid());
    let last = *of_rare.next_back().and_then(|i| i.events.last()).expect("it was committed");
    service.events(events).await;
    let history = service.recorder.history();
    let at = history.deliveries.iter().position(|delivery| delivery.event == last);
    at.expect("it arrived") - from
}

#[tokio::test(start_paused = true)]
async fn tenants_that_fill_a_lane_in_equal_parts_are_split_off_together() {
    for (floods, rounds) in [(&["acme", "globex"][..], 60), (&["acme", "globex", "initech"], 40)] {
        let service = Service::start(1).await;
        service.recorder.expect_gaps();
        let rare = service.tally("umbrella", 1).await;
        for _ in 0..rounds * 10 {
            for tenant in floods {
                service.tally(tenant, 10).await;
            }
        }
        let relay =
            started(&service, service.worker(1), RelayConfig { fair_percent: 60, ..fair() });
        let events = rounds * 100 * floods.len() + 2;
        let before = before_a_rare_event(&service, rare, events).await;
        assert!(before <= 5 * before_max(4_000), "{before} of {floods:?} went before");
        until(&relay, |metrics| metrics.tenant_tracks == 0).await;
        assert_eq!(service.violations(), []);
        assert_eq!(check_stored(&service.recorder.history()), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_that_is_over_makes_room_for_the_next_one_while_the_lane_is_full() {
    let service = Service::start(1).await;
    service.recorder.expect_gaps();
    let steady = service.tally("hooli", 1).await;
    // Others always wait, so that the lane does not come to its end.
    for flood in ["acme", "globex", "initech", "soylent"] {
        for _ in 0..10 {
            service.tally(flood, 100).await;
            service.count("hooli", steady, 30).await;
        }
    }
    let few = RelayConfig { fair_tracks_max: 1, ..fair() };
    let relay = started(&service, service.worker(1), few);
    let mut tenants = BTreeSet::new();
    let mut seen = relay.watch();
    let all_but_last = async {
        while tenants.len() < 3 {
            seen.changed().await.expect("it runs");
            let history = service.recorder.history();
            let streams = history.deliveries.iter().map(|delivery| delivery.stream.clone());
            tenants.extend(streams.filter(|stream| stream.contains("tenant")));
        }
    };
    timeout(LONG, all_but_last).await.expect("one after another is split off");
    assert!(relay.metrics().recorded < 5_000, "before the lane came to its end");
    service.events(4_000 + 1_200 + 1).await;
    until(&relay, |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(service.violations(), []);
    assert_eq!(check_stored(&service.recorder.history()), []);
}

#[test]
fn through_all_faults_nobody_waits_for_more_than_a_bounded_part_of_a_flood() {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let seeds = match number("IDP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("IDP_SEEDS").map_or(SEEDS, |seeds: u64| (seeds / 50).max(1)),
    };
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing but a thread");
        runtime.block_on(faulty(seed));
    }
}

/// One run of workers that are killed and cut off, with a bus that fails, while a flood drains.
async fn faulty(seed: u64) {
    let dice = Arc::new(Dice::seeded(seed));
    let lanes = u16::try_from(dice.within(1..4)).expect("a small number");
    let mut world = Flooded::start(lanes, 1_500).await;
    let healed = Arc::new(AtomicBool::new(false));
    let mut relays = HashMap::new();
    for number in 1..=u128::from(dice.within(1..4)) {
        relays.insert(number, unreliable(&world.service, number, &dice, &healed));
    }
    let mut number = 10;
    for round in 0..40 {
        sleep(Duration::from_millis(dice.within(1..400))).await;
        world.commit(dice.place(4) + round).await;
        if dice.percent(15) {
            let killed = *relays.keys().min().expect("one runs");
            world.service.recorder.leases_lost(worker_id(killed));
            relays.remove(&killed);
            number += 1;
            relays.insert(number, unreliable(&world.service, number, &dice, &healed));
        }
    }
    healed.store(true, Ordering::SeqCst);
    world.all_arrive().await;
    let before = world.went_before();
    assert!(
        before <= before_max(1_500),
        "seed {seed}: {before} events of the flood went before another"
    );
    let mut violations = check(&world.service.recorder.history());
    violations.extend(check_stored(&world.service.recorder.history()));
    assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
}

fn unreliable(
    service: &Service,
    number: u128,
    dice: &Arc<Dice>,
    healed: &Arc<AtomicBool>,
) -> RelayHandle {
    let mut setup = service.worker(number);
    let (dice_of_log, healed_log) = (dice.clone(), healed.clone());
    let recorder = service.recorder.clone();
    let fates = move |_: &'static str| {
        let fate = match dice_of_log.within(0..100) {
            _ if healed_log.load(Ordering::SeqCst) => Fate::Pass,
            0..2 => Fate::Refused,
            2..4 => Fate::AnswerLost,
            4 => Fate::DoneInSilence,
            _ => Fate::Pass,
        };
        if matches!(fate, Fate::DoneInSilence) {
            recorder.leases_lost(worker_id(number));
        }
        fate
    };
    setup.log = Arc::new(Unreliable::new(service.store.clone(), fates));
    let (dice, healed) = (dice.clone(), healed.clone());
    let receptions = move |messages: &[idp_application::Message]| {
        let some = dice.place(messages.len() + 1);
        match dice.within(0..100) {
            _ if healed.load(Ordering::SeqCst) => Reception::Take,
            0..4 => Reception::Fail { accepted: some, arriving: messages.len() },
            4..6 => Reception::Silence { arriving: some },
            _ => Reception::Take,
        }
    };
    let sink = Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(1));
    setup.bus = Arc::new(sink.with_plan(receptions));
    setup.config = fair();
    setup.start()
}

/// A log that is wrong about tracks.
struct Sabotaged {
    log: Arc<dyn RelayLog>,
    bug: Bug,
    has_split: AtomicBool,
}

#[derive(Clone, Copy, PartialEq)]
enum Bug {
    /// Gives the main track no turn from the first split on.
    NoTurns,
    /// Says that a tenant is split off, and writes nothing down.
    SplitsWithoutRecording,
}

impl OutboxLog for Sabotaged {
    delegate_port!(OutboxLog => |this| this.log);
}

impl Deliveries for Sabotaged {
    delegate_port!(Deliveries => |this| this.log);
}

impl TenantPolicies for Sabotaged {
    delegate_port!(TenantPolicies => |this| this.log);
}

impl TenantTracks for Sabotaged {
    delegate_port!(TenantTracks { tracks, merge, record_tracks } => |this| this.log);

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move {
            let known = self.log.split(reader, change).await?;
            self.has_split.store(true, Ordering::SeqCst);
            if self.bug == Bug::SplitsWithoutRecording {
                let TrackChange { lane, epoch, revision, tenant } = change.clone();
                let revision = revision + 1;
                let undone = TrackChange { lane, epoch, revision, tenant };
                self.log.merge(reader, &undone).await?;
            }
            Ok(known)
        })
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(async move {
            let mut batches = self.log.read_tracks(readings, limit).await?;
            let is_main = |lane| {
                let reading = readings.iter().find(|reading| reading.lane == lane);
                reading.is_some_and(|reading| matches!(reading.scope, TenantScope::Except(_)))
            };
            if self.bug == Bug::NoTurns && self.has_split.load(Ordering::SeqCst) {
                batches.retain(|batch| !is_main(batch.lane));
            }
            Ok(batches)
        })
    }
}

fn sabotaged(service: &Service, bug: Bug) -> RelayHandle {
    let mut setup = service.worker(1);
    setup.log = Arc::new(Sabotaged { log: setup.log, bug, has_split: AtomicBool::new(false) });
    started(service, setup, fair())
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_splits_without_recording_is_convicted_of_loss() {
    let world = Flooded::start(1, 2_000).await;
    world.service.tally("globex", 1).await;
    let _relay = sabotaged(&world.service, Bug::SplitsWithoutRecording);
    sleep(Duration::from_secs(120)).await;
    let violations = check(&world.service.recorder.history());
    let of_flood = |violation: &&Violation| matches!(violation, Violation::Lost { .. });
    assert!(violations.iter().filter(of_flood).count() > 1_000, "{}", violations.len());
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_takes_no_turns_is_convicted_of_it() {
    let mut world = Flooded::start(1, 5_000).await;
    let _relay = sabotaged(&world.service, Bug::NoTurns);
    sleep(Duration::from_millis(50)).await;
    world.commit(0).await;
    world.all_arrive().await;
    assert!(world.went_before() > 10 * before_max(5_000), "{}", world.went_before());
}

/// A track that nobody asked for, as an owner before left it.
#[tokio::test(start_paused = true)]
async fn the_next_owner_goes_on_with_the_tracks_of_the_one_before() {
    let mut world = Flooded::start(1, 5_000).await;
    let first = started(&world.service, world.service.worker(1), fair());
    world.commit(0).await;
    until(&first, |metrics| metrics.tenant_tracks_automatic == 1).await;
    first.stop().await.expect("the store answers");
    world.commit(1).await;
    let second = started(&world.service, world.service.worker(2), fair());
    until(&second, |metrics| metrics.tenant_tracks_automatic == 1).await;
    world.all_arrive().await;
    assert!(world.went_before() <= before_max(5_000), "{}", world.went_before());
    until(&second, |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(world.service.violations(), []);
    assert_eq!(check_stored(&world.service.recorder.history()), []);
}
