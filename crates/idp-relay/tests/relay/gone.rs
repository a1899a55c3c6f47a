//! Events that nobody can read any more, as those of a tenant whose keys were destroyed.

use crate::service::{Service, config, until, worker_id};
use idp_application::{BoxFuture, CloudEvent, Message, Transform, TransformError};
use idp_memory::MemoryBus;
use idp_relay::{Relay, RelayConfig, Target};
use idp_testkit::{Reception, Sink};
use std::sync::Arc;

/// The tenant `gone` cannot be read.
struct Shredded;

impl Transform for Shredded {
    fn apply(&self, event: CloudEvent) -> BoxFuture<'_, Result<CloudEvent, TransformError>> {
        Box::pin(async move {
            match event.tenant.as_str() {
                "gone" => Err(TransformError::gone("its key was destroyed")),
                "broken" => Err(TransformError::refused("it does not decrypt")),
                _ => Ok(event),
            }
        })
    }
}

/// However many aggregates it had: nothing of it is parked, so no bound on that is reached.
#[tokio::test(start_paused = true)]
async fn events_that_are_gone_are_left_out_and_hold_nobody_up() {
    let service = Service::start(2).await;
    let bus = Arc::new(MemoryBus::default());
    for _ in 0..20 {
        service.tally("gone", 2).await;
        service.tally("acme", 3).await;
    }
    let target = Target::new("bus", bus.clone()).transform(Shredded);
    let config = RelayConfig { parked_keys_max: 1, ..config() };
    let committed = service.app().committed();
    let relay = Relay::new(target, config, service.store.clone(), worker_id(1), committed);
    let relay = relay.expect("the configuration is valid").start();
    until(&relay, |metrics| metrics.recorded == 100).await;
    let metrics = relay.metrics();
    assert_eq!((metrics.published, metrics.gone), (60, 40));
    assert_eq!((metrics.set_aside, metrics.lanes_stalled, metrics.retries), (0, 0, 0));
    let messages = bus.messages();
    assert_eq!(messages.len(), 60);
    assert!(messages.iter().all(|message| message.event.tenant.as_str() == "acme"));
}

/// The bus counts what it was given, the relay what it read.
#[tokio::test(start_paused = true)]
async fn what_fails_among_what_is_gone_is_counted_at_its_place() {
    let service = Service::start(1).await;
    service.recorder.expect_gaps();
    for tenant in ["gone", "acme", "gone", "acme", "broken", "acme", "gone"] {
        service.tally(tenant, 1).await;
    }
    // The first call is given both of acme, and takes one.
    let plan = |messages: &[Message]| {
        let refused = messages.iter().position(|message| message.sequence == 4);
        refused.map_or(Reception::Take, |accepted| Reception::Refuse { accepted })
    };
    let sink = Sink::new(worker_id(1), service.recorder.clone()).with_plan(plan);
    let target = Target::new("bus", Arc::new(sink)).transform(Shredded);
    let committed = service.app().committed();
    let relay = Relay::new(target, config(), service.store.clone(), worker_id(1), committed);
    let relay = relay.expect("the configuration is valid").start();
    until(&relay, |metrics| metrics.recorded == 7).await;
    let metrics = relay.metrics();
    // Refused: the second of acme by the bus, and the one that does not decrypt.
    assert_eq!((metrics.published, metrics.gone, metrics.set_aside), (2, 3, 2));
    let history = service.recorder.history();
    let numbers: Vec<i64> = history.deliveries.iter().map(|one| one.sequence).collect();
    assert_eq!(numbers, [2, 6]);
}
