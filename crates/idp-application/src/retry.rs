//! How often and after which pauses a use case that met a conflict is run again.

use std::time::Duration;

/// Full jitter between zero and a bound that doubles (AWS Architecture Blog, *Exponential Backoff
/// And Jitter*, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often the use case runs at most; 1 means that it is not run again.
    pub attempts_max: u32,
    /// The bound of the first pause.
    pub pause_min: Duration,
    /// The bound that is not exceeded.
    pub pause_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 5,
            pause_min: Duration::from_millis(5),
            pause_max: Duration::from_millis(200),
        }
    }
}

impl RetryPolicy {
    /// Never runs a use case again.
    pub const NONE: Self =
        Self { attempts_max: 1, pause_min: Duration::ZERO, pause_max: Duration::ZERO };

    /// The pause after the given attempt (from 1); `random` spreads it, all of its values being
    /// equally likely.
    pub fn pause_after(&self, attempt: u32, random: u16) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let bound = self.pause_min.saturating_mul(1 << doublings).min(self.pause_max);
        bound.mul_f64(f64::from(random) / f64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_the_pause_doubles_up_to_its_limit() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause_after(1, u16::MAX), Duration::from_millis(5));
        assert_eq!(policy.pause_after(3, u16::MAX), Duration::from_millis(20));
        assert_eq!(policy.pause_after(40, u16::MAX), Duration::from_millis(200));
        assert_eq!(policy.pause_after(3, 0), Duration::ZERO);
    }
}
