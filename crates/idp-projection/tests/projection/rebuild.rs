//! A rebuilt read model equals the live one.

use crate::service::{LONG, Service, caught_up, until};
use idp_testkit::{Fate, Tally, Unreliable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn a_rebuilt_read_model_equals_the_live_one_to_the_revision() {
    let service = Service::start().await;
    let projector = service.projector();
    for tenant in ["acme", "globex", "acme"] {
        let tally = service.tally(tenant, 3).await;
        service.change(tenant, tally, Tally::wipe).await;
        caught_up(&projector).await;
        service.count(tenant, tally, 4).await;
    }
    caught_up(&projector).await;
    let live = (service.rows("acme").await, service.rows("globex").await);
    timeout(LONG, projector.rebuild()).await.expect("it ends").expect("the projector runs");
    assert_eq!((service.rows("acme").await, service.rows("globex").await), live);
    assert_eq!(projector.status().events, 48);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_under_load_ends_with_what_was_committed_meanwhile() {
    let service = Service::start().await;
    let projector = service.projector();
    let tally = service.tally("acme", 30).await;
    caught_up(&projector).await;
    let commits = async {
        for _ in 0..20 {
            service.count("acme", tally, 2).await;
            tokio::task::yield_now().await;
        }
    };
    let (rebuilt, ()) = tokio::join!(projector.rebuild(), commits);
    rebuilt.expect("the projector runs");
    caught_up(&projector).await;
    assert_eq!(service.rows("acme").await[0].steps, 70);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_whose_answer_is_lost_is_done_again() {
    let service = Service::start().await;
    let resets = AtomicU32::new(0);
    let plan = move |method| match method {
        "reset" if resets.fetch_add(1, Ordering::SeqCst) == 0 => Fate::AnswerLost,
        _ => Fate::Pass,
    };
    let backend = Unreliable::new(Arc::new(service.backend()), plan);
    let projector = service.projector_on(1, Arc::new(backend));
    service.tally("acme", 10).await;
    caught_up(&projector).await;
    timeout(LONG, projector.rebuild()).await.expect("it ends").expect("the projector runs");
    assert_eq!(service.rows("acme").await[0].steps, 10);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_projector_that_stands_by_rebuilds_when_it_gets_the_lease() {
    let service = Service::start().await;
    let working = service.projector();
    until(&working, |status| status.holds_lease).await;
    let standing_by = service.projector_on(2, Arc::new(service.backend()));
    service.tally("acme", 10).await;
    caught_up(&working).await;
    let (rebuilt, stopped) = tokio::join!(standing_by.rebuild(), working.stop());
    stopped.expect("the store answers");
    rebuilt.expect("the projector runs");
    assert_eq!(standing_by.status().events, 10);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_nobody_waits_for_any_more_does_not_begin() {
    let service = Service::start().await;
    let working = service.projector();
    until(&working, |status| status.holds_lease).await;
    let standing_by = service.projector_on(2, Arc::new(service.backend()));
    service.tally("acme", 10).await;
    caught_up(&working).await;
    let taken_back = timeout(Duration::from_secs(5), standing_by.rebuild()).await;
    taken_back.expect_err("another one holds the lease");
    working.stop().await.expect("the store answers");
    until(&standing_by, |status| status.holds_lease).await;
    caught_up(&standing_by).await;
    assert_eq!(standing_by.status().events, 0, "nothing was read again");
}
