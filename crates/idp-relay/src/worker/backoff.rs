//! Pauses after failures: full jitter below a bound that doubles.

use idp_application::{RetryPolicy, WorkerId};
use std::time::Duration;

/// Draws pauses. Workers draw different ones, so that they do not all come back at once; the same
/// worker draws the same ones, so that tests can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    policy: RetryPolicy,
    state: u64,
}

impl Backoff {
    pub(crate) fn new(pause_min: Duration, pause_max: Duration, worker: WorkerId) -> Self {
        let (high, low) = worker.0.as_u64_pair();
        let policy = RetryPolicy { attempts_max: u32::MAX, pause_min, pause_max };
        Self { policy, state: high ^ low }
    }

    /// The pause after that many failures in a row. Never zero: a failing call must not spin.
    pub(crate) fn pause_after(&mut self, failures: u32) -> Duration {
        let random = u16::try_from(self.draw() >> 48).expect("16 bits are left");
        self.policy.pause_after(failures, random).max(Duration::from_millis(1))
    }

    /// SplitMix64 (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::Uuid;

    fn pauses(worker: u128, failures: u32) -> Vec<Duration> {
        let worker = WorkerId(Uuid::from_u128(worker));
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(10));
        let mut backoff = Backoff::new(min, max, worker);
        (0..200).map(|_| backoff.pause_after(failures)).collect()
    }

    #[test]
    fn pauses_spread_over_the_whole_range_below_a_bound_that_doubles() {
        for (failures, bound) in [(1, 100), (2, 200), (5, 1_600), (50, 10_000)] {
            let bound = Duration::from_millis(bound);
            let pauses = pauses(1, failures);
            assert!(pauses.iter().all(|pause| *pause <= bound));
            assert!(pauses.iter().any(|pause| *pause < bound / 4));
            assert!(pauses.iter().any(|pause| *pause > bound / 4 * 3));
        }
    }

    #[test]
    fn workers_pause_differently() {
        assert_ne!(pauses(1, 3), pauses(2, 3));
    }
}
