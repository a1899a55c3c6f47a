//! Several projectors of one projection: one works, and another takes over.

use crate::service::{Service, caught_up, until, worker_id};
use idp_application::{Claim, Cursor, Lane, LaneLease, OutboxLog, Projection, Reader, Sharding};
use idp_testkit::{Fate, TallyBoard, Unreliable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn one_projector_works_and_the_other_stands_by() {
    let service = Service::start().await;
    let working = service.projector();
    until(&working, |status| status.holds_lease).await;
    let standing_by = service.projector_on(2, Arc::new(service.backend()));
    for _ in 0..30 {
        service.tally("acme", 2).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    caught_up(&working).await;
    assert_eq!((working.status().events, standing_by.status().events), (60, 0));
    assert!(!standing_by.status().holds_lease);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_crashed_projector_is_succeeded_within_a_lease_and_a_heartbeat() {
    let service = Service::start().await;
    let working = service.projector();
    let tally = service.tally("acme", 6).await;
    caught_up(&working).await;
    let standing_by = service.projector_on(2, Arc::new(service.backend()));
    drop(working);
    let start = Instant::now();
    service.count("acme", tally, 6).await;
    caught_up(&standing_by).await;
    assert!(start.elapsed() <= Duration::from_secs(14), "{:?}", start.elapsed());
    assert_eq!(standing_by.status().events, 6);
    assert_eq!(service.rows("acme").await[0].steps, 12);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_projector_that_was_cut_off_is_fenced_and_then_stands_by() {
    let service = Service::start().await;
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = is_cut.clone();
    let plan = move |_| if cut.load(Ordering::SeqCst) { Fate::Silence } else { Fate::Pass };
    let backend = Unreliable::new(Arc::new(service.backend()), plan);
    let zombie = service.projector_on(1, Arc::new(backend));
    service.tally("acme", 6).await;
    caught_up(&zombie).await;
    is_cut.store(true, Ordering::SeqCst);
    let second = service.projector_on(2, Arc::new(service.backend()));
    service.tally("acme", 6).await;
    caught_up(&second).await;
    is_cut.store(false, Ordering::SeqCst);
    service.tally("acme", 6).await;
    caught_up(&second).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((zombie.status().events, zombie.status().holds_lease), (6, false));
    assert_eq!(second.status().events, 12);
    service.assert_audited();
}

/// Takes the lease of projector 1 away, as a database would whose clock is ahead.
pub(crate) async fn take_lease_away(service: &Service) {
    let reader = Reader { name: TallyBoard::NAME.into(), sharding: Sharding::Whole };
    let (lane, cursor) = (Lane::WHOLE, Cursor::default());
    let taken = LaneLease { lane, epoch: 1, cursor, sequence: 0 };
    service.store.release(&reader, worker_id(1), &[taken]).await.expect("the store answers");
    let lease_ttl = Duration::from_secs(60);
    let claim = Claim { worker: worker_id(2), lanes_max: 1, lease_ttl };
    let leases = service.store.claim(&reader, claim).await.expect("the store answers");
    assert_eq!(leases.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_projector_notices_with_the_next_heartbeat_that_its_lease_is_gone() {
    let service = Service::start().await;
    let projector = service.projector();
    caught_up(&projector).await;
    take_lease_away(&service).await;
    let start = Instant::now();
    until(&projector, |status| status.fenced == 1).await;
    assert!(start.elapsed() <= Duration::from_secs(3));
    assert!(!projector.status().holds_lease);
}

#[tokio::test(start_paused = true)]
async fn a_busy_projector_notices_with_the_next_batch_that_its_lease_is_gone() {
    let service = Service::start().await;
    let projector = service.projector();
    caught_up(&projector).await;
    take_lease_away(&service).await;
    let start = Instant::now();
    service.tally("acme", 1).await;
    until(&projector, |status| status.fenced == 1).await;
    assert!(start.elapsed() < Duration::from_millis(5));
    assert!(!projector.status().holds_lease);
    assert!(service.rows("acme").await.is_empty());
}
