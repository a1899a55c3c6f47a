//! Events that the bus refuses, and events that are scheduled.

use crate::operator::Operator;
use crate::service::{LONG, Service, Setup, until};
use idp_application::{DeadLetterAction, Message};
use idp_domain::{EntityId, Uuid};
use idp_relay::EventFilter;
use idp_testkit::{Reception, Sink};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout};

type Poison = Arc<Mutex<HashSet<Uuid>>>;

/// Worker 1 on a bus that refuses the messages of poisoned aggregates.
fn refusing<'s>(service: &'s Service, poison: &Poison) -> Setup<'s> {
    let mut setup = service.worker(1);
    let poison = poison.clone();
    let plan = move |messages: &[Message]| {
        let poison = poison.lock().expect("not poisoned");
        let refused = messages.iter().position(|m| poison.contains(&m.event.aggregate_id));
        refused.map_or(Reception::Take, |accepted| Reception::Refuse { accepted })
    };
    setup.bus = Arc::new(Sink::new(setup.id, service.recorder.clone()).with_plan(plan));
    service.recorder.expect_gaps();
    setup
}

fn poison(ids: &[Uuid]) -> Poison {
    Arc::new(Mutex::new(ids.iter().copied().collect()))
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_parks_its_key_and_no_other_and_resumes_in_order() {
    let service = Service::start(1).await;
    let bad = service.tally("acme", 2).await;
    let good = service.tally("acme", 3).await;
    let poison = poison(&[bad.uuid()]);
    let relay = refusing(&service, &poison).start();
    service.events(3).await;
    service.count("acme", bad, 2).await;
    service.count("acme", good, 2).await;
    until(&relay, |metrics| metrics.set_aside == 4).await;
    service.events(5).await;
    let operator = Operator::new(service.store.clone(), service.recorder.clone());
    let parked = operator.parked().await;
    assert_eq!((parked.len(), parked[0].events, parked[0].attempts), (1, 4, 1));
    assert_eq!(parked[0].key.aggregate_id, bad.uuid());
    assert_eq!(relay.metrics().refused, 1, "those behind it were not tried");

    poison.lock().expect("not poisoned").clear();
    operator.command(&parked[0], DeadLetterAction::Resume).await.expect("it is parked");
    service.events(9).await;
    until(&relay, |metrics| metrics.keys_blocked == 0).await;
    service.count("acme", bad, 1).await;
    service.events(10).await;
    relay.stop().await.expect("the store answers");
    assert_eq!(service.violations(), []);
    assert_eq!(service.recorder.history().deliveries.len(), 10);
    let streams: Vec<_> =
        service.recorder.history().deliveries[5..].iter().map(|d| d.stream.clone()).collect();
    assert_eq!(streams, ["bus/0/side", "bus/0/side", "bus/0/side", "bus/0/side", "bus/0"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_again_is_parked_again() {
    let service = Service::start(1).await;
    let bad = service.tally("acme", 2).await;
    let relay = refusing(&service, &poison(&[bad.uuid()])).start();
    until(&relay, |metrics| metrics.set_aside == 2).await;
    let operator = Operator::new(service.store.clone(), service.recorder.clone());
    operator.resume_all().await;
    until(&relay, |metrics| metrics.refused == 2).await;
    let parked = async {
        loop {
            match operator.parked().await.pop() {
                Some(key) => break key,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let parked = timeout(LONG, parked).await.expect("it is parked again");
    assert_eq!((parked.attempts, parked.events), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_discarded_event_is_never_sent_and_what_follows_it_is() {
    let service = Service::start(1).await;
    let bad = service.tally("acme", 3).await;
    let poison = poison(&[bad.uuid()]);
    let relay = refusing(&service, &poison).start();
    until(&relay, |metrics| metrics.set_aside == 3).await;
    let operator = Operator::new(service.store.clone(), service.recorder.clone());
    let head = service.recorder.history().intents[0].events[0];
    let parked = operator.parked().await;
    let discard = DeadLetterAction::Discard { event: head };
    operator.command(&parked[0], discard).await.expect("it is parked");
    service.recorder.record(idp_testkit::Entry::Discarded(head));
    poison.lock().expect("not poisoned").clear();
    operator.resume_all().await;
    service.events(2).await;
    relay.stop().await.expect("the store answers");
    assert_eq!(service.violations(), []);
    assert_eq!(service.recorder.history().deliveries.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_parked_key_stays_parked_through_a_takeover() {
    let service = Service::start(1).await;
    let bad = service.tally("acme", 1).await;
    let poison = poison(&[bad.uuid()]);
    let first = refusing(&service, &poison).start();
    until(&first, |metrics| metrics.set_aside == 1).await;
    first.stop().await.expect("the store answers");
    poison.lock().expect("not poisoned").clear();
    service.count("acme", bad, 2).await;
    let second = service.worker(2).start();
    until(&second, |metrics| metrics.set_aside == 2).await;
    assert_eq!(service.recorder.history().deliveries.len(), 0);
    let operator = Operator::new(service.store.clone(), service.recorder.clone());
    operator.resume_all().await;
    service.events(3).await;
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_lane_stands_still_rather_than_set_too_much_aside() {
    let service = Service::start(1).await;
    let bad = service.tally("acme", 6).await;
    let good = service.tally("acme", 1).await;
    let poison = poison(&[bad.uuid()]);
    let mut setup = refusing(&service, &poison);
    setup.config.set_aside_max = 4;
    let relay = setup.start();
    until(&relay, |metrics| metrics.lanes_stalled == 1).await;
    assert_eq!(relay.metrics().set_aside, 4);
    assert_eq!(service.recorder.history().deliveries.len(), 0, "{good:?} waits, nothing is lost");
    poison.lock().expect("not poisoned").clear();
    let operator = Operator::new(service.store.clone(), service.recorder.clone());
    operator.resume_all().await;
    service.events(7).await;
    until(&relay, |metrics| metrics.lanes_stalled == 0).await;
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_event_is_delivered_at_its_time_and_holds_nothing_up() {
    let service = Service::start(4).await;
    service.recorder.expect_gaps();
    let relay = service.worker(1).start();
    let tally = service.tally("acme", 1).await;
    let start = Instant::now();
    service.remind("acme", tally, Duration::from_secs(90)).await;
    service.count("acme", tally, 2).await;
    service.events(3).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    service.events(4).await;
    let took = start.elapsed();
    let soon = Duration::from_secs(90)..Duration::from_millis(90_100);
    assert!(soon.contains(&took), "{took:?}");
    relay.stop().await.expect("the store answers");
    assert_eq!(service.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_target_gets_what_its_filter_admits_and_passes_over_the_rest() {
    let service = Service::start(2).await;
    service.recorder.expect_gaps();
    let mut setup = service.worker(1);
    let globex = idp_domain::TenantId::new("globex").expect("valid");
    setup.filter = EventFilter::all().tenants([globex]);
    let relay = setup.start();
    service.tally("acme", 5).await;
    service.tally("globex", 3).await;
    until(&relay, |metrics| metrics.recorded == 8).await;
    assert_eq!(relay.metrics().published, 3);
    assert_eq!(service.recorder.history().deliveries.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_drains_ends_by_itself() {
    let service = Service::start(4).await;
    service.tally("acme", 30).await;
    let mut setup = service.worker(1);
    setup.config.ends_when_drained = true;
    let relay = setup.start();
    timeout(LONG, relay.ended()).await.expect("it ends").expect("the store answers");
    assert_eq!(service.recorder.history().deliveries.len(), 30);
    assert_eq!(service.violations(), []);
}
