//! The bus and the database fail, and the relay goes on.

use crate::service::{LONG, Service, until};
use idp_application::{BoxFuture, ErrorKind, EventBus, Message, PublishError, delegate_port};
use idp_testkit::{Fate, Reception, Sink, Unreliable};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A bus of worker 1 that receives the first batches so, and all later ones as they come.
fn bus(service: &Service, receptions: &[Reception]) -> Arc<dyn EventBus> {
    let setup = service.worker(1);
    let receptions = Mutex::new(VecDeque::from(receptions.to_vec()));
    let sink = Sink::new(setup.id, service.recorder.clone()).with_plan(move |_| {
        let next = receptions.lock().expect("not poisoned").pop_front();
        next.unwrap_or(Reception::Take)
    });
    Arc::new(sink)
}

#[tokio::test(start_paused = true)]
async fn what_the_bus_did_not_accept_is_sent_again_from_there() {
    let service = Service::start(1).await;
    service.tally("acme", 6).await;
    let mut setup = service.worker(1);
    let refused = Reception::Fail { accepted: 0, arriving: 0 };
    setup.bus = bus(&service, &[Reception::Fail { accepted: 3, arriving: 3 }, refused, refused]);
    let relay = setup.start();
    service.events(6).await;
    until(&relay, |metrics| metrics.recorded == 6).await;
    assert_eq!(relay.metrics().retries, 3);
    assert_eq!(service.violations(), []);
    assert_eq!(service.recorder.history().deliveries.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_send_costs_its_messages_and_no_more() {
    let service = Service::start(1).await;
    service.tally("acme", 6).await;
    let mut setup = service.worker(1);
    let lost = Reception::Fail { accepted: 1, arriving: 3 };
    setup.bus = bus(&service, &[lost, Reception::Silence { arriving: 2 }]);
    let relay = setup.start();
    service.events(6).await;
    until(&relay, |metrics| metrics.recorded == 6).await;
    assert_eq!(service.violations(), []);
    assert_eq!(service.recorder.history().deliveries.len(), 6 + 2 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_the_bus_refuses_holds_up_no_other() {
    let service = Service::start(8).await;
    let mut lanes = Vec::new();
    for _ in 0..16 {
        lanes.push(service.lane_of("acme", service.tally("acme", 1).await));
    }
    let refused = lanes[0];
    let mut setup = service.worker(1);
    let plan = move |messages: &[Message]| match messages[0].stream.lane == refused {
        true => Reception::Fail { accepted: 0, arriving: 0 },
        false => Reception::Take,
    };
    setup.bus = Arc::new(Sink::new(setup.id, service.recorder.clone()).with_plan(plan));
    let relay = setup.start();
    until(&relay, |metrics| metrics.retries >= 10).await;
    let arrived = service.recorder.history().deliveries;
    assert_eq!(arrived.len(), lanes.iter().filter(|lane| **lane != refused).count());
}

#[tokio::test(start_paused = true)]
async fn a_bus_whose_code_panics_costs_a_pause() {
    struct Panicking(Arc<dyn EventBus>, AtomicBool);
    impl EventBus for Panicking {
        delegate_port!(EventBus { system, guarantees } => |this| this.0);

        fn publish<'a>(
            &'a self,
            messages: &'a [Message],
        ) -> BoxFuture<'a, Result<(), PublishError>> {
            Box::pin(async move {
                assert!(self.1.swap(true, Ordering::SeqCst), "a bug in the bus");
                self.0.publish(messages).await
            })
        }
    }
    let service = Service::start(1).await;
    service.tally("acme", 3).await;
    let mut setup = service.worker(1);
    setup.bus = Arc::new(Panicking(setup.bus, AtomicBool::new(false)));
    let relay = setup.start();
    until(&relay, |metrics| metrics.recorded == 3).await;
    assert_eq!(relay.metrics().retries, 1);
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_gets_no_answer_ends_within_its_time() {
    let service = Service::start(1).await;
    service.tally("acme", 1).await;
    let mut setup = service.worker(1);
    setup.bus = bus(&service, &[Reception::Silence { arriving: 0 }]);
    let start = Instant::now();
    let relay = setup.start();
    until(&relay, |metrics| metrics.retries == 1).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    service.events(1).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_database_longer_than_a_lease_costs_no_duplicates_when_alone() {
    let service = Service::start(4).await;
    let is_away = Arc::new(AtomicBool::new(false));
    let mut setup = service.worker(1);
    let away = is_away.clone();
    let plan = move |_| if away.load(Ordering::SeqCst) { Fate::Refused } else { Fate::Pass };
    setup.log = Arc::new(Unreliable::new(service.store.clone(), plan));
    let slow = Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(10));
    setup.bus = Arc::new(slow);
    let relay = setup.start();
    until(&relay, |metrics| metrics.lanes_held == 4).await;
    service.tally("acme", 12).await;
    service.events(1).await;
    is_away.store(true, Ordering::SeqCst); // in the middle of a batch: it is sent, not recorded
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(service.recorder.history().deliveries.len(), 4);
    is_away.store(false, Ordering::SeqCst);
    service.events(12).await;
    until(&relay, |metrics| metrics.recorded == 12).await;
    assert_eq!((relay.metrics().fenced, service.violations()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_the_database_cost_nothing() {
    let service = Service::start(4).await;
    let mut setup = service.worker(1);
    let calls = AtomicU32::new(0);
    let plan = move |method| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        match method {
            "claim" => Fate::Pass,
            _ if call.is_multiple_of(3) => Fate::AnswerLost,
            _ if call.is_multiple_of(7) => Fate::Silence,
            _ if call.is_multiple_of(11) => Fate::DoneInSilence,
            _ => Fate::Pass,
        }
    };
    setup.log = Arc::new(Unreliable::new(service.store.clone(), plan));
    let relay = setup.start();
    for _ in 0..10 {
        service.tally("acme", 6).await;
    }
    service.events(60).await;
    until(&relay, |metrics| metrics.recorded == 60).await;
    assert!(relay.metrics().log_failures > 5);
    assert_eq!((relay.metrics().fenced, service.violations()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_is_under_way_and_makes_no_duplicates() {
    let service = Service::start(2).await;
    for _ in 0..4 {
        service.tally("acme", 5).await;
    }
    for number in 1..=9 {
        let mut setup = service.worker(number);
        let slow =
            Sink::new(setup.id, service.recorder.clone()).with_pace(Duration::from_millis(30));
        setup.bus = Arc::new(slow);
        let before = service.recorder.history().deliveries.len();
        let relay = setup.start();
        let more = timeout(LONG, service.recorder.wait_for_deliveries((before + 1).min(20))).await;
        more.expect("messages arrive");
        let start = Instant::now();
        relay.stop().await.expect("the store answers");
        assert!(start.elapsed() < Duration::from_secs(1), "what was under way, not everything");
    }
    assert_eq!(service.recorder.history().deliveries.len(), 20);
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_bus_is_away_does_not_wait_for_it() {
    let service = Service::start(1).await;
    service.tally("acme", 1).await;
    let mut setup = service.worker(1);
    let refuse = |_: &[Message]| Reception::Fail { accepted: 0, arriving: 0 };
    setup.bus = Arc::new(Sink::new(setup.id, service.recorder.clone()).with_plan(refuse));
    let relay = setup.start();
    until(&relay, |metrics| metrics.retries >= 8).await;
    let start = Instant::now();
    relay.stop().await.expect("the store answers");
    assert!(start.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_cannot_reach_the_database_gives_up_and_says_so() {
    let service = Service::start(2).await;
    let is_away = Arc::new(AtomicBool::new(false));
    let mut setup = service.worker(1);
    let away = is_away.clone();
    let plan = move |_| if away.load(Ordering::SeqCst) { Fate::Silence } else { Fate::Pass };
    setup.log = Arc::new(Unreliable::new(service.store.clone(), plan));
    let relay = setup.start();
    until(&relay, |metrics| metrics.lanes_held == 2).await;
    is_away.store(true, Ordering::SeqCst);
    let error = timeout(LONG, relay.stop()).await.expect("it ends").expect_err("it gave up");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("2 leases were not given back"), "{error}");
}
