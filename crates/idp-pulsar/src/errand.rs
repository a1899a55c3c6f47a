//! Work in a task of its own, so that a call that is given up while it waits for it leaves it to the
//! next. Otherwise what takes longer than calls have would be begun anew by each of them, for ever.

use crate::error::Failure;
use std::future::Future;
use std::panic;
use tokio::task::JoinHandle;

/// One piece of work at a time. Dropping it ends the work.
pub(crate) struct Errand<K, V>(Option<Begun<K, V>>);

struct Begun<K, V> {
    /// `None` once nobody wants it any more.
    of: Option<K>,
    task: JoinHandle<Result<V, Failure>>,
}

impl<K, V> Default for Errand<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Clone + PartialEq, V: Send + 'static> Errand<K, V> {
    /// What comes of the work of that name: it is joined if a call before this one began it. Other work
    /// is ended first.
    pub(crate) async fn join<W>(&mut self, of: &K, work: impl FnOnce() -> W) -> Result<V, Failure>
    where
        W: Future<Output = Result<V, Failure>> + Send + 'static,
    {
        if self.0.as_ref().is_some_and(|begun| begun.of.as_ref() != Some(of)) {
            self.end().await;
        }
        let begin = || Begun { of: Some(of.clone()), task: tokio::spawn(work()) };
        let outcome = (&mut self.0.get_or_insert_with(begin).task).await;
        self.0 = None;
        outcome.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            Err(_) => Err(Failure::Unavailable("the runtime is shutting down".to_owned())),
        })
    }

    /// Returns when nothing more is done, and what came of it is dropped.
    pub(crate) async fn end(&mut self) {
        if let Some(begun) = &mut self.0 {
            begun.of = None;
            begun.task.abort();
            let _ = (&mut begun.task).await;
            self.0 = None;
        }
    }

    /// Whether there is some that still goes on.
    pub(crate) fn is_under_way(&self) -> bool {
        self.0.as_ref().is_some_and(|begun| !begun.task.is_finished())
    }

    /// Whether there is some that came to its end, and nobody asked what came of it.
    pub(crate) fn is_done(&self) -> bool {
        self.0.as_ref().is_some_and(|begun| begun.task.is_finished())
    }
}

impl<K, V> Drop for Errand<K, V> {
    fn drop(&mut self) {
        if let Some(begun) = &self.0 {
            begun.task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::{sleep, timeout};

    const STEP: Duration = Duration::from_secs(1);

    async fn slow(value: u32) -> Result<u32, Failure> {
        sleep(STEP * 10).await;
        Ok(value)
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
        assert_eq!(errand.join(&"a", || ready(Ok(3))).await, Ok(3), "it is given once");
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
        let work = || async move { Ok(Arc::strong_count(&count)) };
        assert_eq!(errand.join(&"b", work).await, Ok(2), "the one that counts, and the test's");
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_of_work_that_nobody_wants_any_more_is_dropped() {
        let (mut errand, held) = (Errand::default(), Arc::new(()));
        let done = held.clone();
        let work = || async move {
            sleep(STEP).await;
            Ok(done)
        };
        assert!(timeout(STEP / 2, errand.join(&1, work)).await.is_err());
        sleep(STEP).await;
        assert!(!errand.is_under_way());
        assert_eq!(Arc::strong_count(&held), 2);
        errand.end().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
