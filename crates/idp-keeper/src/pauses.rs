//! How long a keeper waits: intervals that spread, and pauses after failures.

use idp_application::{RetryPolicy, WorkerId};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Draws pauses. Keepers draw different ones, so that they do not all come at once; the same keeper
/// draws the same ones, so that tests can be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Pauses {
    worker: WorkerId,
    drawn: u64,
}

impl Pauses {
    pub(crate) fn new(worker: WorkerId) -> Self {
        Self { worker, drawn: 0 }
    }

    /// The interval, up to a fifth shorter or longer.
    pub(crate) fn around(&mut self, interval: Duration) -> Duration {
        let part = f64::from(self.draw()) / f64::from(u16::MAX);
        interval.mul_f64(0.8 + 0.4 * part)
    }

    /// The pause after that many failures in a row: full jitter below a bound that doubles. Never
    /// zero: what fails must not spin.
    pub(crate) fn after(&mut self, failures: u32, min: Duration, max: Duration) -> Duration {
        let policy = RetryPolicy { attempts_max: u32::MAX, pause_min: min, pause_max: max };
        policy.pause_after(failures, self.draw()).max(Duration::from_millis(1))
    }

    fn draw(&mut self) -> u16 {
        self.drawn = self.drawn.wrapping_add(1);
        let mut hasher = DefaultHasher::new();
        (self.worker, self.drawn).hash(&mut hasher);
        u16::try_from(hasher.finish() >> 48).expect("16 bits are left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::Uuid;

    fn drawn(worker: u128, draw: impl Fn(&mut Pauses) -> Duration) -> Vec<Duration> {
        let mut pauses = Pauses::new(WorkerId(Uuid::from_u128(worker)));
        (0..200).map(|_| draw(&mut pauses)).collect()
    }

    #[test]
    fn waits_spread_around_the_interval_by_a_fifth() {
        let waits = drawn(1, |pauses| pauses.around(Duration::from_secs(10)));
        let (least, most) = (waits.iter().min().expect("some"), waits.iter().max().expect("some"));
        assert!((8.0..8.5).contains(&least.as_secs_f64()), "{least:?}");
        assert!((11.5..=12.0).contains(&most.as_secs_f64()), "{most:?}");
    }

    #[test]
    fn pauses_stay_below_a_bound_that_doubles_and_differ_between_keepers() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let third = drawn(1, |pauses| pauses.after(3, min, max));
        assert!(third.iter().all(|pause| *pause <= min * 4));
        assert!(third.iter().any(|pause| *pause > min * 3));
        assert!(drawn(1, |pauses| pauses.after(30, min, max)).iter().all(|p| *p <= max));
        assert_ne!(third, drawn(2, |pauses| pauses.after(3, min, max)));
    }
}
