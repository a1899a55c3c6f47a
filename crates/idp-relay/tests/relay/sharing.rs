//! Several workers share the lanes, and take over from each other.

use crate::service::{Service, until};
use idp_application::{Claim, Cursor, Lane, LaneLease, OutboxLog, Reader, Sharding};
use idp_relay::RelayHandle;
use idp_testkit::{Fate, Sink, Unreliable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

async fn lanes(relay: &RelayHandle, count: u64) {
    until(relay, |metrics| metrics.lanes_held == count).await;
}

#[tokio::test(start_paused = true)]
async fn workers_share_the_lanes_as_they_come_and_go() {
    let service = Service::start(12).await;
    let first = service.worker(1).start();
    lanes(&first, 12).await;
    let start = Instant::now();
    let second = service.worker(2).start();
    lanes(&second, 6).await;
    assert!(start.elapsed() < Duration::from_secs(7), "within two heartbeats");
    let third = service.worker(3).start();
    lanes(&third, 4).await;
    lanes(&first, 4).await;
    lanes(&second, 4).await;
    third.stop().await.expect("the store answers");
    lanes(&first, 6).await;
    lanes(&second, 6).await;
}

#[tokio::test(start_paused = true)]
async fn sharing_makes_no_duplicates_and_keeps_the_order() {
    let service = Service::start(8).await;
    let mut relays = Vec::new();
    let tallies = [service.tally("acme", 1).await, service.tally("globex", 1).await];
    for number in 1..=4 {
        let mut setup = service.worker(number);
        let slow =
            Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(40));
        setup.bus = Arc::new(slow);
        relays.push(setup.start());
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            service.count("acme", tallies[0], 3).await;
            service.count("globex", tallies[1], 2).await;
            service.tally("acme", 1).await;
        }
    }
    for relay in relays.drain(..2) {
        relay.stop().await.expect("the store answers");
        service.count("acme", tallies[0], 3).await;
    }
    service.events(2 + 4 * 20 * 6 + 6).await;
    for relay in relays {
        relay.stop().await.expect("the store answers");
    }
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn the_lanes_of_a_crashed_worker_are_taken_over_with_at_most_a_batch_sent_twice() {
    let service = Service::start(4).await;
    service.tally("acme", 30).await;
    let mut setup = service.worker(1);
    let slow = Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(50));
    setup.bus = Arc::new(slow);
    let crashing = setup.start();
    let _second = service.worker(2).start();
    service.events(10).await;
    service.recorder.leases_lost(crate::service::worker_id(1));
    drop(crashing);
    let start = Instant::now();
    service.events(30).await;
    assert!(start.elapsed() <= Duration::from_secs(14), "a lease and a heartbeat");
    assert_eq!(service.violations(), []);
    assert!(service.recorder.history().deliveries.len() <= 30 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_worker_cut_off_from_the_database_is_fenced_and_sends_no_more() {
    let service = Service::start(1).await;
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = is_cut.clone();
    let mut setup = service.worker(1);
    let plan = move |_| if cut.load(Ordering::SeqCst) { Fate::Silence } else { Fate::Pass };
    setup.log = Arc::new(Unreliable::new(service.store.clone(), plan));
    let zombie = setup.start();
    lanes(&zombie, 1).await;
    is_cut.store(true, Ordering::SeqCst);
    let second = service.worker(2).start();
    lanes(&second, 1).await;
    let sent_before = zombie.metrics().published;
    service.tally("acme", 9).await;
    service.events(9).await;
    is_cut.store(false, Ordering::SeqCst);
    until(&zombie, |metrics| metrics.fenced == 1).await;
    assert_eq!(zombie.metrics().published, sent_before);
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_send_of_a_lane_that_was_taken_away_is_broken_off() {
    let service = Service::start(1).await;
    let mut setup = service.worker(1);
    let slow =
        Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(1_200));
    setup.bus = Arc::new(slow);
    let relay = setup.start();
    lanes(&relay, 1).await;
    service.tally("acme", 4).await;
    service.events(1).await;
    // Somebody takes the lease away, as a database would whose clock is ahead.
    let reader = Reader { name: "bus".into(), sharding: Sharding::ByLane };
    let (lane, cursor) = (Lane::from_number(0), Cursor::default());
    let taken = LaneLease { lane, epoch: 1, cursor, sequence: 0 };
    let worker = crate::service::worker_id(1);
    service.store.release(&reader, worker, &[taken]).await.expect("the store answers");
    let other = crate::service::worker_id(2);
    let claim = Claim { worker: other, lanes_max: 1, lease_ttl: Duration::from_secs(60) };
    assert_eq!(service.store.claim(&reader, claim).await.expect("the store answers").len(), 1);
    until(&relay, |metrics| metrics.fenced == 1).await;
    let sent = service.recorder.history().deliveries.len();
    assert!(sent < 4, "the send is still under way");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(service.recorder.history().deliveries.len(), sent);
}
