//! Tenants that are paused, limited, or served by weight.

use crate::operator::{Operator, usual};
use crate::service::{LONG, Service, config, until};
use idp_application::{EventBus, Message, TenantPolicy};
use idp_relay::{RelayConfig, RelayHandle};
use idp_testkit::{Sink, Violation};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// What arrived, and when, in the order of arrival.
type Arrivals = Arc<Mutex<Vec<(String, Instant)>>>;

struct World {
    service: Service,
    operator: Operator,
    arrivals: Arrivals,
}

impl World {
    async fn start(lanes: u16) -> Self {
        let service = Service::start(lanes).await;
        service.recorder.expect_gaps();
        let operator = Operator::new(service.store.clone(), service.recorder.clone());
        Self { service, operator, arrivals: Arc::default() }
    }

    /// A worker whose bus takes that long for each message.
    fn worker(&self, number: u128, pace: Duration, config: RelayConfig) -> RelayHandle {
        let mut setup = self.service.worker(number);
        let arrivals = self.arrivals.clone();
        let sink = Sink::new(setup.id, self.service.recorder.clone()).with_pace(pace);
        let plan = move |messages: &[Message]| {
            let mut arrivals = arrivals.lock().expect("not poisoned");
            let of = |message: &Message| (message.event.tenant.to_string(), Instant::now());
            arrivals.extend(messages.iter().map(of));
            idp_testkit::Reception::Take
        };
        setup.bus = Arc::new(sink.with_plan(plan)) as Arc<dyn EventBus>;
        setup.config = config;
        setup.start()
    }

    fn sent_of(&self, tenant: &str) -> usize {
        let arrivals = self.arrivals.lock().expect("not poisoned");
        arrivals.iter().filter(|(of, _)| of == tenant).count()
    }

    async fn paused(&self, tenant: &str, is_paused: bool) {
        self.operator.treat(TenantPolicy { is_paused, ..usual(tenant) }).await;
    }
}

const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn nothing_of_a_paused_tenant_is_sent_and_all_of_it_when_it_is_resumed() {
    let world = World::start(4).await;
    world.paused("acme", true).await;
    let mut tallies = Vec::new();
    for tenant in ["acme", "globex", "acme", "globex"] {
        tallies.push((tenant, world.service.tally(tenant, 5).await));
    }
    let relay = world.worker(1, MILLI, config());
    for _ in 0..10 {
        sleep(Duration::from_secs(2)).await;
        for (tenant, tally) in &tallies {
            world.service.count(tenant, *tally, 1).await;
        }
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!((world.sent_of("acme"), world.sent_of("globex")), (0, 30));
    assert!(relay.metrics().tenant_tracks_paused > 0);
    assert_eq!(relay.metrics().tenants_paused, 1);
    world.paused("acme", false).await;
    world.service.events(60).await;
    until(&relay, |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(world.service.violations(), []);
    assert_eq!(world.service.recorder.history().deliveries.len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_pause_takes_effect_within_a_heartbeat() {
    let world = World::start(1).await;
    let tally = world.service.tally("acme", 1).await;
    let relay = world.worker(1, MILLI, config());
    world.service.events(1).await;
    world.paused("acme", true).await;
    sleep(config().heartbeat_interval + Duration::from_millis(100)).await;
    world.service.count("acme", tally, 3).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.sent_of("acme"), 1);
    relay.stop().await.expect("the store answers");
    // Whoever comes next keeps it paused.
    let next = world.worker(2, MILLI, config());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.sent_of("acme"), 1);
    world.paused("acme", false).await;
    world.service.events(4).await;
    until(&next, |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(world.service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_limit_holds_within_a_tenth_and_slows_nobody_else() {
    let world = World::start(8).await;
    let limited = TenantPolicy { events_per_second_max: Some(100), ..usual("acme") };
    world.operator.treat(limited).await;
    for _ in 0..60 {
        world.service.tally("acme", 100).await;
        world.service.tally("globex", 4).await;
    }
    let relays: Vec<_> = (1..=2).map(|n| world.worker(n, Duration::ZERO, config())).collect();
    sleep(Duration::from_secs(10)).await; // Both have their share of the lanes.
    assert_eq!(world.sent_of("globex"), 240);
    let before = world.sent_of("acme");
    sleep(Duration::from_secs(20)).await;
    let sent = world.sent_of("acme") - before;
    assert!((1_800..=2_200).contains(&sent), "{sent} in 20 s, 100 a second allowed");
    drop(relays);
    let violations = world.service.violations();
    let not_sent_yet = |violation: &Violation| matches!(violation, Violation::Lost { .. });
    assert!(violations.iter().all(not_sent_yet), "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn tenants_that_wait_get_parts_by_their_weights() {
    let world = World::start(1).await;
    world.operator.treat(TenantPolicy { weight: 3, ..usual("acme") }).await;
    for _ in 0..10 {
        world.service.tally("acme", 200).await;
        world.service.tally("globex", 200).await;
    }
    let relay = world.worker(1, MILLI, config());
    timeout(LONG, world.service.recorder.wait_for_deliveries(1_200)).await.expect("they arrive");
    let (acme, globex) = (world.sent_of("acme"), world.sent_of("globex"));
    let expected = globex * 3;
    assert!(acme.abs_diff(expected) * 10 <= expected, "{acme} to {globex}, 3 to 1 is right");
    world.service.events(4_000).await;
    until(&relay, |metrics| metrics.published == 4_000).await;
    assert_eq!(world.service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn behind_the_backlog_of_a_weighted_tenant_others_wait_a_few_batches_only() {
    let world = World::start(1).await;
    world.operator.treat(TenantPolicy { weight: 2, ..usual("acme") }).await;
    for _ in 0..100 {
        world.service.tally("acme", 1_000).await;
    }
    let config = RelayConfig { batch_size: 500, ..config() };
    let _relay = world.worker(1, MILLI, config);
    timeout(LONG, world.service.recorder.wait_for_deliveries(2_000)).await.expect("they arrive");
    world.service.tally("globex", 1).await;
    let before = world.sent_of("acme");
    while world.sent_of("globex") == 0 {
        sleep(Duration::from_millis(50)).await;
        assert!(world.sent_of("acme") < 100_000, "it should not be the last");
    }
    let meanwhile = world.sent_of("acme") - before;
    assert!(meanwhile <= 10 * 500, "{meanwhile} events of the backlog went before");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_workers_in_the_middle_of_a_pause_loses_nothing_and_keeps_the_order() {
    let world = World::start(3).await;
    let mut tallies = Vec::new();
    for tenant in ["acme", "globex", "acme", "initech"] {
        tallies.push((tenant, world.service.tally(tenant, 3).await));
    }
    let mut relays = vec![world.worker(1, MILLI * 20, config())];
    for round in 0..12_u128 {
        world.paused("acme", round % 3 != 2).await;
        world.paused("globex", round % 4 == 1).await;
        for (tenant, tally) in &tallies {
            world.service.count(tenant, *tally, 2).await;
        }
        relays.push(world.worker(round + 2, MILLI * 20, config()));
        sleep(Duration::from_secs(4)).await;
        relays.remove(0).stop().await.expect("the store answers");
    }
    world.paused("acme", false).await;
    world.paused("globex", false).await;
    world.service.events(12 + 12 * 8).await;
    until(&relays[0], |metrics| metrics.tenant_tracks == 0).await;
    assert_eq!(world.service.violations(), []);
    assert_eq!(world.service.recorder.history().deliveries.len(), 12 + 12 * 8);
}
