//! Until when something may wait.

use std::time::{Duration, Instant};

/// A point of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left; zero when it has passed.
    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// What is left, but no more than that.
    pub(crate) fn at_most(self, time: Duration) -> Duration {
        self.remaining().min(time)
    }
}
