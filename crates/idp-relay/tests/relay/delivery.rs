//! Without faults: everything arrives, once, in order, and soon.

use crate::service::{LONG, Service, until};
use idp_application::{ErrorKind, Message};
use idp_memory::MemoryBus;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test(start_paused = true)]
async fn every_committed_event_arrives_once_and_in_order() {
    let service = Service::start(8).await;
    let relay = service.worker(1).start();
    for tenant in ["acme", "globex"] {
        for _ in 0..5 {
            let tally = service.tally(tenant, 2).await;
            service.count(tenant, tally, 7).await;
            service.count_too_late(tenant, tally).await;
        }
    }
    service.events(100).await;
    relay.stop().await.expect("the store answers");
    assert_eq!(service.violations(), []);
    assert_eq!(service.recorder.history().deliveries.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_this_process_is_sent_at_once() {
    let service = Service::start(8).await;
    let relay = service.worker(1).start();
    until(&relay, |metrics| metrics.lanes_held == 8).await;
    let start = Instant::now();
    service.tally("acme", 1).await;
    service.events(1).await;
    assert!(start.elapsed() < Duration::from_millis(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_another_process_is_found_within_the_poll_interval() {
    let service = Service::start(8).await;
    let mut setup = service.worker(1);
    // A signal that nobody rings, as that of another process.
    let elsewhere = Service::start(8).await;
    setup.log = elsewhere.store.clone();
    let relay = setup.start();
    until(&relay, |metrics| metrics.lanes_held == 8).await;
    let start = Instant::now();
    elsewhere.tally("acme", 1).await;
    service.events(1).await;
    assert!(start.elapsed() <= Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn messages_carry_dense_numbers_and_the_epoch_of_the_lease() {
    let service = Service::start(1).await;
    let bus = Arc::new(MemoryBus::default());
    service.tally("acme", 6).await;
    let first = relay_to(&service, 1, &bus);
    timeout(LONG, bus.wait_for(6)).await.expect("6 messages arrive");
    first.stop().await.expect("the store answers");
    service.tally("acme", 3).await;
    let _second = relay_to(&service, 2, &bus);
    let messages = timeout(LONG, bus.wait_for(9)).await.expect("9 messages arrive");
    let stamps: Vec<_> = messages.iter().map(|m: &Message| (m.sequence, m.epoch)).collect();
    let expected = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 2), (8, 2), (9, 2)];
    assert_eq!(stamps, expected);
}

fn relay_to(service: &Service, number: u128, bus: &Arc<MemoryBus>) -> idp_relay::RelayHandle {
    let mut setup = service.worker(number);
    setup.bus = bus.clone();
    setup.start()
}

#[tokio::test(start_paused = true)]
async fn metrics_count_what_was_done() {
    let service = Service::start(4).await;
    service.tally("acme", 10).await;
    let relay = service.worker(1).start();
    until(&relay, |metrics| metrics.recorded == 10).await;
    let metrics = relay.metrics();
    assert_eq!((metrics.published, metrics.batches, metrics.retries), (10, 3, 0));
    assert_eq!((metrics.claimed, metrics.lanes_held, metrics.fenced), (4, 4, 0));
    let watched = relay.watch();
    relay.stop().await.expect("the store answers");
    assert_eq!(watched.borrow().released, 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_target_and_configuration_starts_no_relay_and_is_told_at_once() {
    let service = Service::start(4).await;
    let config = idp_relay::RelayConfig { batch_size: 0, ..crate::service::config() };
    let bus = Arc::new(MemoryBus::default());
    let id = crate::service::worker_id(1);
    let target = idp_relay::Target::new("orders/1", bus).source("");
    let (store, committed) = (service.store.clone(), service.app().committed());
    let relay = idp_relay::Relay::new(target, config, store, id, committed);
    let error = relay.err().expect("three faults");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let expected = "`target.name` must be 1 to 64 letters, digits, `.`, `_` and `-`, the first of them a \
                    letter or digit, got \"orders/1\"; \
                    `target.source` must not be empty; \
                    `batch_size` must be within 1..=10000, got 0";
    assert_eq!(error.message(), expected);
}
