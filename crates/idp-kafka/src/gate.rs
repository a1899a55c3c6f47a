//! Lets so many in at a time.

use crate::deadline::Deadline;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Who comes when it is full waits until somebody leaves.
pub(crate) struct Gate {
    most: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

/// Whoever is inside; it leaves when the value goes.
pub(crate) struct Inside<'g>(&'g Gate);

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, inside: Mutex::new(0), left: Condvar::new() }
    }

    /// `None` if nobody leaves in time. It blocks.
    pub(crate) fn enter(&self, deadline: Deadline) -> Option<Inside<'_>> {
        let is_full = |inside: &mut usize| *inside >= self.most;
        let waited = self.left.wait_timeout_while(self.lock(), deadline.remaining(), is_full);
        let (mut inside, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return None;
        }
        *inside += 1;
        Some(Inside(self))
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn no_more_than_so_many_are_inside() {
        let gate = Gate::new(2);
        let first = gate.enter(Deadline::after(SHORT)).expect("it is empty");
        let _second = gate.enter(Deadline::after(SHORT)).expect("there is room for one more");
        assert!(gate.enter(Deadline::after(SHORT)).is_none());
        drop(first);
        assert!(gate.enter(Deadline::after(SHORT)).is_some());
    }

    #[test]
    fn who_waits_gets_in_when_somebody_leaves() {
        let gate = Gate::new(1);
        let first = gate.enter(Deadline::after(SHORT)).expect("it is empty");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter(Deadline::after(LONG)).is_some());
            std::thread::sleep(SHORT);
            assert!(!waiting.is_finished());
            drop(first);
            assert!(waiting.join().expect("no panic"));
        });
    }
}
