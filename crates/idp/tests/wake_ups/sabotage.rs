//! Steps with a deliberate bug: the polls below make up for them, and the clause of waking convicts
//! them.

use crate::clauses::wakes;
use crate::database::Kind;
use crate::place::Place;
use crate::step::{PATIENCE, Step};
use idp_application::{BoxFuture, CommitListener, CommitSignal, CommitWatch, Error};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const NEVER: Duration = Duration::from_secs(3_600);

/// A watch that says that it watches, and passes on every so many rings only, or none.
struct Forgetful {
    /// Hears whoever commits.
    commits: Arc<OnceLock<CommitListener>>,
    /// Loses each ring whose number is divisible by it; 1 is deaf.
    loses_each: u64,
}

impl CommitWatch for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn watch<'a>(
        &'a self,
        signal: &'a CommitSignal,
        watching: Box<dyn FnOnce() + Send + 'a>,
    ) -> BoxFuture<'a, Error> {
        Box::pin(async move {
            let mut commits = self.commits.get().expect("it was told").clone();
            watching();
            for number in 1_u64.. {
                commits.rung().await;
                if !number.is_multiple_of(self.loses_each) {
                    signal.ring_from_elsewhere();
                }
            }
            unreachable!("no test commits that often")
        })
    }
}

/// A place with that watch, with nothing committed yet.
async fn with_forgetful(loses_each: u64, poll_interval: Duration) -> Place {
    let commits = Arc::new(OnceLock::new());
    let watch = Forgetful { commits: commits.clone(), loses_each };
    let step = Step::Beside(Arc::new(watch), poll_interval);
    let place = Place::start("sabotage", step, Kind::Postgres).await;
    commits.set(place.app().committed().listen()).expect("nobody set it before");
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_deaf_step_does_not_tell_is_found_by_polling() {
    let place = with_forgetful(1, Duration::from_millis(500)).await;
    let relay = place.relay(1).await;
    relay.lanes(64).await;
    assert_eq!(wakes(&place, 4, PATIENCE).await, Ok(()));
    relay.stop().await;
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_deaf_is_convicted() {
    let place = with_forgetful(1, NEVER).await;
    let relay = place.relay(1).await;
    relay.lanes(64).await;
    assert!(wakes(&place, 20, Duration::from_secs(3)).await.is_err());
    relay.stop().await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_loses_a_ring_now_and_then_is_convicted() {
    let place = with_forgetful(7, NEVER).await;
    let relay = place.relay(1).await;
    relay.lanes(64).await;
    let convicted = wakes(&place, 20, Duration::from_secs(3)).await;
    assert!(
        convicted.is_err_and(|delivered| delivered >= 6),
        "the seventh is the first that is lost"
    );
    relay.stop().await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_loses_nothing_is_not_convicted() {
    let place = with_forgetful(u64::MAX, NEVER).await;
    let relay = place.relay(1).await;
    relay.lanes(64).await;
    assert_eq!(wakes(&place, 20, PATIENCE).await, Ok(()));
    relay.stop().await;
    place.end().await;
}
