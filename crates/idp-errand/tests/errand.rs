//! What an errand promises, also when calls are dropped.

use idp_errand::{Errand, ShuttingDown};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

const STEP: Duration = Duration::from_secs(1);

async fn slow(value: u32) -> u32 {
    sleep(STEP * 10).await;
    value
}

/// Gives the call up where it waits first.
async fn give_up(call: impl Future) {
    let mut call = pin!(call);
    let waits = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
    assert!(waits, "it is over");
}

/// Begins the work in a call that is given up, and returns when the work is done.
async fn leave_over<V, W>(errand: &mut Errand<&str, V>, of: &'static str, work: W)
where
    V: Send + 'static,
    W: Future<Output = V> + Send + 'static,
{
    give_up(errand.join(&of, || work)).await;
    while errand.is_under_way() {
        yield_now().await;
    }
    assert!(errand.is_done());
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_given_up_get_there_together() {
    let mut errand = Errand::default();
    for _ in 1..=9 {
        let given_up = timeout(STEP, errand.join(&"a", || slow(1))).await;
        assert!(given_up.is_err());
        assert!(errand.is_under_way());
    }
    assert_eq!(timeout(STEP * 2, errand.join(&"a", || slow(2))).await, Ok(Ok(1)));
    assert_eq!(errand.join(&"a", || ready(3)).await, Ok(3), "it is given once");
}

#[tokio::test(start_paused = true)]
async fn other_work_is_over_before_work_begins() {
    let (mut errand, held) = (Errand::default(), Arc::new(()));
    let holding = held.clone();
    let work = || async move {
        let _holding = holding;
        pending().await
    };
    assert!(timeout(STEP, errand.join(&"a", work)).await.is_err());
    assert_eq!(Arc::strong_count(&held), 2);
    let count = held.clone();
    let work = || async move { Arc::strong_count(&count) };
    let counted = timeout(STEP, errand.join(&"b", work)).await;
    assert_eq!(counted, Ok(Ok(2)), "the one that counts, and the test's");
}

#[tokio::test(start_paused = true)]
async fn what_came_of_work_that_nobody_wants_any_more_is_dropped() {
    let (mut errand, held) = (Errand::default(), Arc::new(()));
    leave_over(&mut errand, "a", ready(held.clone())).await;
    assert!(!errand.is_under_way());
    assert_eq!(Arc::strong_count(&held), 2);
    errand.end().await;
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn work_that_was_to_end_is_not_joined_though_nobody_waited_for_its_end() {
    let mut errand = Errand::default();
    assert!(timeout(STEP, errand.join(&"a", || slow(1))).await.is_err());
    give_up(errand.end()).await;
    while errand.is_under_way() {
        yield_now().await;
    }
    assert!(!errand.is_done(), "there is nothing to be given");
    assert_eq!(errand.join(&"a", || slow(2)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn what_was_left_over_is_given_while_it_serves() {
    let mut errand = Errand::default();
    leave_over(&mut errand, "a", ready(1)).await;
    assert_eq!(errand.join_if(&"a", |it| *it == 1, || ready(2)).await, Ok(1));
    leave_over(&mut errand, "a", ready(1)).await;
    assert_eq!(errand.join_if(&"a", |it| *it != 1, || ready(2)).await, Ok(2));
    leave_over(&mut errand, "a", ready(1)).await;
    assert_eq!(errand.join_if(&"b", |_| true, || ready(2)).await, Ok(2), "it is other work");
}

/// A call that would begin anew what fails while it waits would never tell.
#[tokio::test(start_paused = true)]
async fn what_comes_while_a_call_waits_is_given_as_it_is() {
    let mut errand = Errand::default();
    assert!(timeout(STEP, errand.join(&"a", || slow(1))).await.is_err());
    assert_eq!(errand.join_if(&"a", |_| false, || slow(2)).await, Ok(1));
    assert_eq!(errand.join_if(&"a", |_| false, || slow(3)).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn the_work_ends_with_the_errand() {
    let mut errand = Errand::default();
    let (held, ended) = oneshot::channel::<()>();
    let work = || async move {
        let _held = held;
        pending::<()>().await;
    };
    assert!(timeout(STEP, errand.join(&"a", work)).await.is_err());
    drop(errand);
    let ended = timeout(STEP, ended).await.expect("it goes on");
    assert!(ended.is_err(), "it is dropped");
}

#[test]
fn a_panic_goes_on_in_the_call_and_the_next_begins_anew() {
    async fn fail() -> u32 {
        panic!("as it happens")
    }
    fn calm() -> std::future::Ready<u32> {
        ready(1)
    }
    let (runtime, mut errand) = (runtime(), Errand::default());
    runtime.block_on(leave_over(&mut errand, "a", fail()));
    let left_over =
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(errand.join_if(&"a", |_| true, calm))));
    let now = catch_unwind(AssertUnwindSafe(|| runtime.block_on(errand.join(&"a", fail))));
    for panicked in [left_over, now] {
        let panic = panicked.expect_err("it panics");
        assert_eq!(panic.downcast_ref(), Some(&"as it happens"));
    }
    assert_eq!(runtime.block_on(errand.join(&"a", calm)), Ok(1));
}

#[test]
fn work_that_its_runtime_ended_is_begun_anew() {
    let begin_and_shut_down = |errand: &mut Errand<_, _>| {
        let begin = async { timeout(STEP, errand.join(&"a", pending)).await };
        let begun = runtime().block_on(begin);
        assert!(begun.is_err());
    };
    let (runtime, mut errand) = (runtime(), Errand::default());
    begin_and_shut_down(&mut errand);
    assert_eq!(runtime.block_on(errand.join(&"a", || ready(0))), Err(ShuttingDown));
    assert_eq!(runtime.block_on(errand.join(&"a", || ready(1))), Ok(1));
    begin_and_shut_down(&mut errand);
    assert_eq!(runtime.block_on(errand.join_if(&"a", |_| true, || ready(2))), Ok(2));
}
