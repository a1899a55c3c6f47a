//! Every fact that relays, projectors and keepers count of themselves is a metric, and one that tells of all
//! workers of the process.

mod exposition;

use Shown::{Counted, Greatest, OfHolders, OfSends, Summed};
use exposition::Exposition;
use idp_application::{
    Application, KeeperMetrics, KeeperObserver, KeeperSeen, ProjectionObserver, ProjectionSeen,
    ProjectorStatus, RelayLog, RelayMetrics, RelayObserver, RelaySeen, Store, WorkerId,
};
use idp_domain::Uuid;
use idp_memory::{MemoryBus, MemoryStore};
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use idp_telemetry::{Telemetry, TelemetryConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What becomes of a fact that several workers tell.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    /// The sum, with that of workers that have ended.
    Counted,
    /// The sum of those that work.
    Summed,
    /// The greatest of those that work.
    Greatest,
    /// Each send tells of it, with more labels; that it is counted is tested where all happens.
    OfSends,
    /// The same, with what holds the log.
    OfHolders,
}

const RELAY: [(&str, &str, Shown); 23] = [
    ("published", "outbox_published_total", Counted),
    ("batches", "relay_batches_total", Counted),
    ("retries", "event_publish_retry_total", OfSends),
    ("claimed", "relay_lanes_claimed_total", Counted),
    ("released", "relay_lanes_released_total", Counted),
    ("fenced", "relay_fenced_total", Counted),
    ("log_failures", "relay_log_failures_total", Counted),
    ("lanes_held", "relay_lanes_held", Summed),
    ("recorded", "relay_recorded_total", Counted),
    ("gone", "outbox_gone_total", Counted),
    ("refused", "outbox_err_total", Counted),
    ("set_aside", "outbox_set_aside_total", Counted),
    ("published_late", "outbox_published_late_total", Counted),
    ("keys_blocked", "relay_keys_blocked", Summed),
    ("lanes_stalled", "relay_lanes_stalled", Summed),
    ("lanes_failing", "relay_lanes_failing", Summed),
    ("bus_away", "relay_breaker_open", Greatest),
    ("recorded_apart", "relay_recorded_apart_total", Counted),
    ("events_missed", "relay_events_missed", Greatest),
    ("tenants_paused", "relay_tenants_paused", Greatest),
    ("tenant_tracks", "relay_tenant_tracks", Summed),
    ("tenant_tracks_automatic", "relay_tenant_tracks_automatic", Summed),
    ("tenant_tracks_paused", "relay_tenant_tracks_paused", Summed),
];

const PROJECTION: [(&str, &str, Shown); 9] = [
    ("holds_lease", "projection_lease_held", Greatest),
    ("checkpoint", "projection_checkpoint", Greatest),
    ("events", "projection_events_total", Counted),
    ("batches", "projection_batches_total", Counted),
    ("rows_written", "projection_rows_written_total", Counted),
    ("events_missed", "projection_events_missed", Greatest),
    ("failures", "projection_failures_total", Counted),
    ("fenced", "projection_fenced_total", Counted),
    ("stalled", "projection_stalled", Greatest),
];

const KEEPER: [(&str, &str, Shown); 14] = [
    ("turns", "keeper_turns_total", Counted),
    ("purges", "keeper_purges_total", Counted),
    ("events_dropped", "outbox_purged_total", Counted),
    ("purges_locked", "keeper_purges_locked_total", Counted),
    ("purge_failures", "keeper_purge_failures_total", Counted),
    ("archive_segments", "keeper_archive_segments_total", Counted),
    ("archive_events", "outbox_archived_total", Counted),
    ("archive_bytes", "keeper_archive_bytes_total", Counted),
    ("archive_failures", "keeper_archive_failures_total", Counted),
    ("archive_fenced", "keeper_archive_fenced_total", Counted),
    ("failures", "keeper_failures_total", Counted),
    ("held_up_seconds", "keeper_held_up_seconds", OfHolders),
    ("is_alarming", "keeper_alarming", Greatest),
    ("readers_late", "keeper_readers_late", Greatest),
];

/// Every fact is another number, from `first` on.
fn relay_metrics(first: u64) -> RelayMetrics {
    let mut metrics = RelayMetrics::default();
    let facts = [
        &mut metrics.published,
        &mut metrics.batches,
        &mut metrics.retries,
        &mut metrics.claimed,
        &mut metrics.released,
        &mut metrics.fenced,
        &mut metrics.log_failures,
        &mut metrics.lanes_held,
        &mut metrics.recorded,
        &mut metrics.gone,
        &mut metrics.refused,
        &mut metrics.set_aside,
        &mut metrics.published_late,
        &mut metrics.keys_blocked,
        &mut metrics.lanes_stalled,
        &mut metrics.lanes_failing,
        &mut metrics.recorded_apart,
        &mut metrics.events_missed,
        &mut metrics.tenants_paused,
        &mut metrics.tenant_tracks,
        &mut metrics.tenant_tracks_automatic,
        &mut metrics.tenant_tracks_paused,
    ];
    facts.into_iter().zip(first..).for_each(|(fact, number)| *fact = number);
    metrics.bus_away = true;
    metrics
}

fn projector_status(first: u64) -> ProjectorStatus {
    let mut status = ProjectorStatus::default();
    let facts = [
        &mut status.events,
        &mut status.batches,
        &mut status.rows_written,
        &mut status.events_missed,
        &mut status.failures,
        &mut status.fenced,
    ];
    facts.into_iter().zip(first..).for_each(|(fact, number)| *fact = number);
    status.holds_lease = true;
    status.checkpoint = 70;
    status.stalled = Some("it cannot be folded".into());
    status
}

fn keeper_metrics(first: u64) -> KeeperMetrics {
    let mut metrics = KeeperMetrics::default();
    let facts = [
        &mut metrics.turns,
        &mut metrics.purges,
        &mut metrics.events_dropped,
        &mut metrics.purges_locked,
        &mut metrics.purge_failures,
        &mut metrics.archive_segments,
        &mut metrics.archive_events,
        &mut metrics.archive_bytes,
        &mut metrics.archive_failures,
        &mut metrics.archive_fenced,
        &mut metrics.failures,
        &mut metrics.held_up_seconds,
        &mut metrics.readers_late,
    ];
    facts.into_iter().zip(first..).for_each(|(fact, number)| *fact = number);
    metrics.is_alarming = true;
    metrics
}

/// All facts by name, read from the derived text: also those that nobody thought of here.
fn facts(counted: &impl Debug) -> BTreeMap<String, f64> {
    let text = format!("{counted:?}");
    let fields = text.split_once(" { ").expect("a struct").1.trim_end_matches(" }");
    let number = |value: &str| match value {
        "true" => 1.0,
        "false" | "None" => 0.0,
        some if some.starts_with("Some(") => 1.0,
        number => number.parse().expect("a number"),
    };
    let fact = |field: &str| {
        let (name, value) = field.split_once(": ").expect("a field");
        (name.to_owned(), number(value))
    };
    fields.split(", ").map(fact).collect()
}

/// What is shown of what those that work, and those that have ended, have told.
fn check(
    telemetry: &Telemetry,
    labels: &[(&str, &str)],
    table: &[(&str, &str, Shown)],
    working: &[BTreeMap<String, f64>],
    ended: &[BTreeMap<String, f64>],
) {
    let exposition = Exposition::parse(&telemetry.text());
    for (fact, metric, shown) in table {
        let of = |told: &BTreeMap<String, f64>| told[*fact];
        let expected = match shown {
            Counted => working.iter().chain(ended).map(of).sum(),
            Summed => working.iter().map(of).sum(),
            Greatest => working.iter().map(of).fold(0.0, f64::max),
            OfSends | OfHolders => continue,
        };
        assert_eq!(exposition.value(metric, labels), Some(expected), "{fact} as {metric}");
    }
}

/// A fact without a row, a row without a fact, or a fact that the test leaves at nothing.
fn check_table(table: &[(&str, &str, Shown)], told: &BTreeMap<String, f64>) {
    let named: BTreeSet<&str> = table.iter().map(|(fact, ..)| *fact).collect();
    assert_eq!(named, told.keys().map(String::as_str).collect(), "each fact needs a metric");
    assert!(told.values().all(|value| *value > 0.0), "say something of each fact: {told:?}");
}

fn worker(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(number))
}

fn telemetry() -> Telemetry {
    Telemetry::new(TelemetryConfig::default()).expect("the usual one")
}

#[test]
fn every_fact_of_a_relay_is_a_metric_that_tells_of_all_its_workers() {
    let telemetry = telemetry();
    let tell = |number, metrics: &RelayMetrics| {
        let (target, worker) = ("bus", worker(number));
        RelayObserver::observe(&telemetry, RelaySeen::Counted { target, worker, metrics });
    };
    let end = |number| {
        let (target, worker) = ("bus", worker(number));
        RelayObserver::observe(&telemetry, RelaySeen::Ended { target, worker });
    };
    let check = |working: &[_], ended: &[_]| {
        check(&telemetry, &[("target", "bus")], &RELAY, working, ended);
    };
    let [one, more, other] = [relay_metrics(100), relay_metrics(200), relay_metrics(500)];
    let [of_one, of_more, of_other] = [facts(&one), facts(&more), facts(&other)];
    check_table(&RELAY, &of_one);
    tell(1, &one);
    check(std::slice::from_ref(&of_one), &[]);
    tell(2, &other);
    tell(2, &other);
    check(&[of_one, of_other.clone()], &[]);
    tell(1, &more);
    check(&[of_more.clone(), of_other.clone()], &[]);
    end(2);
    check(std::slice::from_ref(&of_more), std::slice::from_ref(&of_other));
    end(1);
    check(&[], &[of_more.clone(), of_other.clone()]);
    tell(1, &one);
    check(&[facts(&one)], &[of_more, of_other]);
}

#[test]
fn every_fact_of_a_projector_is_a_metric_that_tells_of_all_of_them() {
    let telemetry = telemetry();
    let tell = |number, status: &ProjectorStatus| {
        let (projection, worker) = ("board", worker(number));
        let seen = ProjectionSeen::Counted { projection, worker, status };
        ProjectionObserver::observe(&telemetry, seen);
    };
    let check = |working: &[_], ended: &[_]| {
        check(&telemetry, &[("projection", "board")], &PROJECTION, working, ended);
    };
    let stalled = projector_status(10);
    let told = facts(&stalled);
    check_table(&PROJECTION, &told);
    tell(1, &stalled);
    check(std::slice::from_ref(&told), &[]);
    // Another one stands by: its failures say nothing of whether the projection gets on, and what it
    // remembers of where it was is not where the projection is.
    let mut standby = ProjectorStatus::default();
    (standby.failures, standby.checkpoint) = (3, 900);
    tell(2, &standby);
    let mut of_standby = facts(&standby);
    of_standby.insert("checkpoint".to_owned(), 0.0);
    check(&[told.clone(), of_standby.clone()], &[]);
    let seen = ProjectionSeen::Ended { projection: "board", worker: worker(1) };
    ProjectionObserver::observe(&telemetry, seen);
    check(&[of_standby], &[told]);
}

#[test]
fn every_fact_of_a_keeper_is_a_metric_that_tells_of_all_of_them() {
    let telemetry = telemetry();
    let tell = |number, metrics: &KeeperMetrics| {
        let seen = KeeperSeen::Counted { worker: worker(number), metrics, held_by: None };
        KeeperObserver::observe(&telemetry, seen);
    };
    let check = |working: &[_], ended: &[_]| check(&telemetry, &[], &KEEPER, working, ended);
    let [one, other] = [keeper_metrics(100), keeper_metrics(500)];
    let [of_one, of_other] = [facts(&one), facts(&other)];
    check_table(&KEEPER, &of_one);
    tell(1, &one);
    check(std::slice::from_ref(&of_one), &[]);
    tell(2, &other);
    tell(2, &other);
    check(&[of_one.clone(), of_other.clone()], &[]);
    KeeperObserver::observe(&telemetry, KeeperSeen::Ended { worker: worker(2) });
    check(&[of_one], &[of_other]);
}

/// How many lanes this process is shown to hold.
fn lanes_held(telemetry: &Telemetry) -> Option<f64> {
    Exposition::parse(&telemetry.text()).value("relay_lanes_held", &[("target", "bus")])
}

async fn until_held(relay: &RelayHandle, lanes: u64) {
    let mut watch = relay.watch();
    let held = watch.wait_for(|metrics| metrics.lanes_held == lanes);
    timeout(Duration::from_secs(600), held).await.expect("in time").expect("it runs");
}

#[tokio::test(start_paused = true)]
async fn two_workers_of_one_target_are_shown_together_until_one_ends_however_it_does() {
    let store = Arc::new(MemoryStore::default());
    let app = Application::builder(store.clone() as Arc<dyn Store>).build();
    let telemetry = telemetry();
    let relay = |number| {
        let target = Target::new("bus", Arc::new(MemoryBus::default()));
        let (log, config) = (store.clone() as Arc<dyn RelayLog>, RelayConfig::default());
        let relay = Relay::new(target, config, log, worker(number), app.committed());
        relay.expect("the usual one").observer(Arc::new(telemetry.clone())).start()
    };
    let (one, other) = (relay(1), relay(2));
    until_held(&one, 32).await;
    until_held(&other, 32).await;
    assert_eq!(lanes_held(&telemetry), Some(64.0));
    one.stop().await.expect("the store answers");
    assert_eq!(lanes_held(&telemetry), Some(32.0), "the other one has not taken over yet");
    until_held(&other, 64).await;
    assert_eq!(lanes_held(&telemetry), Some(64.0));
    let third = relay(3);
    until_held(&third, 32).await;
    until_held(&other, 32).await;
    drop(third);
    // The runtime drops what it has given up when it comes to it.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lanes_held(&telemetry), Some(32.0), "nobody knows whether it holds any");
}
