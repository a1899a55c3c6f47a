//! Work in a task of its own, so that a call that is given up while it waits for it leaves it to the
//! next.

use crate::ShuttingDown;
use std::future::Future;
use std::panic;
use tokio::task::{JoinError, JoinHandle};

/// One piece of work at a time. It has a name `K`, and a `V` comes of it, which is given once.
///
/// Work that may fail is work of which a `Result` comes; that is given like any other value.
///
/// # Dropping
///
/// Each future here may be dropped at any point. The work goes on then, and what comes of it is there
/// for a later call; work that was to end still ends, and nobody is given what comes of it.
///
/// Dropping the errand ends the work, at the next point where that waits, and drops what came of it.
/// It does not wait for the end; [`end`](Self::end) does.
#[derive(Debug)]
pub struct Errand<K, V>(Option<Begun<K, V>>);

#[derive(Debug)]
struct Begun<K, V> {
    /// `None` once nobody wants it any more.
    of: Option<K>,
    task: JoinHandle<V>,
}

impl<K, V> Default for Errand<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Clone + PartialEq, V: Send + 'static> Errand<K, V> {
    /// What comes of the work of that name: it is joined if a call before this one began it, even if
    /// it has come to its end since. Other work is ended first.
    ///
    /// # Errors
    /// The runtime ended the work. The next call begins it anew.
    ///
    /// # Panics
    /// If the work panicked, in the call that would be given what came of it; the next call begins it
    /// anew. And if it has to be begun outside a runtime of tokio.
    pub async fn join<W>(&mut self, of: &K, work: impl FnOnce() -> W) -> Result<V, ShuttingDown>
    where
        W: Future<Output = V> + Send + 'static,
    {
        if self.0.as_ref().is_some_and(|begun| begun.of.as_ref() != Some(of)) {
            self.end().await;
        }
        let begin = || Begun { of: Some(of.clone()), task: tokio::spawn(work()) };
        let outcome = (&mut self.0.get_or_insert_with(begin).task).await;
        self.0 = None;
        given(outcome)
    }

    /// As [`join`](Self::join), but what came of work that was at its end before this call is given
    /// only if it still serves. Else it is dropped and the work is begun anew: what failed while nobody
    /// waited says nothing about now. What comes of it during this call is given as it is.
    ///
    /// # Errors
    /// The runtime ended the work during this call. If it did so before, the work is begun anew.
    ///
    /// # Panics
    /// As [`join`](Self::join), also if the work panicked before this call.
    pub async fn join_if<W>(
        &mut self,
        of: &K,
        still_serves: impl FnOnce(&V) -> bool,
        work: impl FnOnce() -> W,
    ) -> Result<V, ShuttingDown>
    where
        W: Future<Output = V> + Send + 'static,
    {
        let is_left_over =
            |begun: &&mut Begun<K, V>| begun.of.as_ref() == Some(of) && begun.task.is_finished();
        if let Some(begun) = self.0.as_mut().filter(is_left_over) {
            let outcome = (&mut begun.task).await;
            self.0 = None;
            if let Ok(left_over) = given(outcome)
                && still_serves(&left_over)
            {
                return Ok(left_over);
            }
        }
        self.join(of, work).await
    }

    /// Ends the work, if there is some. Returns when nothing more is done, and what came of it is
    /// dropped. Work that does not wait is not ended before it does, or is done.
    pub async fn end(&mut self) {
        if let Some(begun) = &mut self.0 {
            begun.of = None;
            begun.task.abort();
            let _ = (&mut begun.task).await;
            self.0 = None;
        }
    }

    /// Whether there is some that still goes on.
    pub fn is_under_way(&self) -> bool {
        self.0.as_ref().is_some_and(|begun| !begun.task.is_finished())
    }

    /// Whether there is some that came to its end, and what came of it was not given yet.
    pub fn is_done(&self) -> bool {
        self.0.as_ref().is_some_and(|begun| begun.of.is_some() && begun.task.is_finished())
    }
}

impl<K, V> Drop for Errand<K, V> {
    fn drop(&mut self) {
        if let Some(begun) = &self.0 {
            begun.task.abort();
        }
    }
}

/// What came of it; a panic goes on here.
fn given<V>(outcome: Result<V, JoinError>) -> Result<V, ShuttingDown> {
    outcome.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(_) => ShuttingDown,
    })
}
