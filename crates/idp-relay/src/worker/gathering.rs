//! Lets rings come together, so that a busy log is not read once for each commit.

use std::time::{Duration, Instant};

/// The longest that a ring waits for others.
const LONGEST: Duration = Duration::from_millis(50);

/// After each call of the log, rings wait for half as long as the call took: for rings, the log is asked no
/// more than two thirds of the time, and the less often the slower it is. A ring after a quiet time waits
/// for nothing.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Until when rings wait.
    until: Instant,
    /// When the first ring that waits is heard. Later calls do not put that off.
    heard_at: Option<Instant>,
}

impl Gathering {
    pub(super) fn new(now: Instant) -> Self {
        Self { until: now, heard_at: None }
    }

    /// A call of the log has ended that took so long.
    pub(super) fn called(&mut self, took: Duration, now: Instant) {
        self.until = now + (took / 2).min(LONGEST);
    }

    pub(super) fn rung(&mut self, now: Instant) {
        self.heard_at.get_or_insert(self.until.max(now));
    }

    /// Whether it is time to hear the rings; says so once.
    pub(super) fn hears(&mut self, now: Instant) -> bool {
        self.heard_at.take_if(|at| *at <= now).is_some()
    }

    /// When the rings that wait are heard.
    pub(super) fn heard_at(&self) -> Option<Instant> {
        self.heard_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_ring_after_a_quiet_time_is_heard_at_once() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        gathering.called(MS * 10, start);
        gathering.rung(start + MS * 5);
        assert!(gathering.hears(start + MS * 5));
        assert!(!gathering.hears(start + MS * 6));
    }

    #[test]
    fn rings_wait_for_half_as_long_as_the_last_call_took_and_are_heard_as_one() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        gathering.called(MS * 20, start);
        gathering.rung(start + MS);
        gathering.rung(start + MS * 9);
        assert!(!gathering.hears(start + MS * 9));
        assert_eq!(gathering.heard_at(), Some(start + MS * 10));
        assert!(gathering.hears(start + MS * 10));
        assert_eq!(gathering.heard_at(), None);
    }

    #[test]
    fn neither_slow_calls_nor_many_put_a_ring_off_for_long() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        gathering.called(MS * 60_000, start);
        gathering.rung(start);
        gathering.called(MS * 60_000, start + MS * 40);
        assert!(gathering.hears(start + LONGEST));
    }
}
