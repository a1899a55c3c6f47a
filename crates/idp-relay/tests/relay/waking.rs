//! The ladder of wake-ups: the best way that works, and the next when it fails.

use crate::service::{LONG, Service, until};
use idp_application::{BoxFuture, CommitSignal, CommitWatch, Error, ErrorKind};
use idp_relay::{WakeUp, WakeUpConfig, WakeUpHandle, WakeUpStep};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A watch that works while it is told to, and rings when it is told to.
struct Told {
    name: &'static str,
    works: watch::Sender<bool>,
    commits: watch::Sender<u64>,
}

impl Told {
    fn new(name: &'static str, works: bool) -> Arc<Self> {
        let (works, commits) = (watch::Sender::new(works), watch::Sender::new(0));
        Arc::new(Self { name, works, commits })
    }

    fn commit(&self) {
        self.commits.send_modify(|count| *count += 1);
    }
}

impl CommitWatch for Told {
    fn name(&self) -> &'static str {
        self.name
    }

    fn watch<'a>(
        &'a self,
        signal: &'a CommitSignal,
        watching: Box<dyn FnOnce() + Send + 'a>,
    ) -> BoxFuture<'a, Error> {
        Box::pin(async move {
            let (mut works, mut commits) = (self.works.subscribe(), self.commits.subscribe());
            if *works.borrow() {
                watching();
            }
            loop {
                tokio::select! {
                    fails = works.wait_for(|works| !works) => {
                        drop(fails);
                        return Error::new(ErrorKind::Unavailable, "watch", "told to fail");
                    }
                    _ = commits.changed() => signal.ring_from_elsewhere(),
                }
            }
        })
    }
}

async fn comes_to(handle: &WakeUpHandle, step: WakeUpStep) {
    let mut changes = handle.changes();
    let came = timeout(LONG, changes.wait_for(|now| *now == step)).await;
    came.expect("it should come to that").expect("the ladder is in use");
}

#[tokio::test(start_paused = true)]
async fn the_best_way_that_works_is_used_and_the_next_when_it_fails() {
    let signal = CommitSignal::default();
    let (cdc, notify) = (Told::new("cdc", true), Told::new("notify", true));
    let ladder = WakeUp::new(&signal, vec![cdc.clone(), notify.clone()]).start();
    comes_to(&ladder, WakeUpStep::Watching("cdc")).await;
    assert!(signal.is_watched());
    cdc.works.send_replace(false);
    comes_to(&ladder, WakeUpStep::Watching("notify")).await;
    notify.works.send_replace(false);
    comes_to(&ladder, WakeUpStep::Polling).await;
    assert!(!signal.is_watched());
    notify.works.send_replace(true);
    comes_to(&ladder, WakeUpStep::Watching("notify")).await;
    cdc.works.send_replace(true);
    comes_to(&ladder, WakeUpStep::Watching("cdc")).await;
    drop(ladder);
    assert!(!signal.is_watched());
}

#[tokio::test(start_paused = true)]
async fn a_way_that_does_not_begin_is_given_up_and_tried_again() {
    struct Hanging;
    impl CommitWatch for Hanging {
        fn name(&self) -> &'static str {
            "hanging"
        }

        fn watch<'a>(
            &'a self,
            _: &'a CommitSignal,
            _: Box<dyn FnOnce() + Send + 'a>,
        ) -> BoxFuture<'a, Error> {
            Box::pin(std::future::pending())
        }
    }
    let signal = CommitSignal::default();
    let notify = Told::new("notify", true);
    let ladder = WakeUp::new(&signal, vec![Arc::new(Hanging), notify]).start();
    comes_to(&ladder, WakeUpStep::Watching("notify")).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(ladder.step(), WakeUpStep::Watching("notify"));
}

#[tokio::test(start_paused = true)]
async fn a_relay_is_woken_by_a_watch_and_polls_rarely_beside_it() {
    let elsewhere = Service::start(4).await;
    let service = Service::start(4).await;
    let mut setup = service.worker(1);
    setup.log = elsewhere.store.clone();
    let relay = setup.start();
    let notify = Told::new("notify", true);
    let ladder = WakeUp::new(service.app().committed(), vec![notify.clone()]).start();
    comes_to(&ladder, WakeUpStep::Watching("notify")).await;
    until(&relay, |metrics| metrics.lanes_held == 4).await;
    // Let the polls that were due pass.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let start = Instant::now();
    elsewhere.tally("acme", 1).await;
    notify.commit();
    service.events(1).await;
    assert!(start.elapsed() < Duration::from_millis(10), "{:?}", start.elapsed());
    elsewhere.tally("acme", 1).await; // Of which the watch says nothing, against its contract.
    service.events(2).await;
    assert!(start.elapsed() <= Duration::from_secs(6), "{:?}", start.elapsed());
    let start = Instant::now();
    notify.works.send_replace(false);
    comes_to(&ladder, WakeUpStep::Polling).await;
    elsewhere.tally("acme", 1).await;
    service.events(3).await;
    assert!(start.elapsed() <= Duration::from_millis(600), "{:?}", start.elapsed());
}

#[test]
fn a_configuration_out_of_bounds_is_refused() {
    let config = WakeUpConfig { retry_interval: Duration::ZERO, ..WakeUpConfig::default() };
    let refused = WakeUp::new(&CommitSignal::default(), vec![]).with_config(config);
    let error = refused.err().expect("0 is out of bounds");
    assert!(error.message().contains("`retry_interval` must be within 10ms..=3600s, got 0ns"));
}
