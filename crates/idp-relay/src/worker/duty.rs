//! Keeps a worker from taking the database from those who write: after its calls of the log it reads on only
//! when they have taken no more than a part of the time.

use std::time::{Duration, Instant};

/// How much of the time the calls of the log may take.
#[derive(Debug)]
pub(super) struct Duty {
    percent: u32,
    /// No pause is longer.
    pause_max: Duration,
    until: Instant,
}

impl Duty {
    pub(super) fn new(percent: u32, pause_max: Duration, now: Instant) -> Self {
        Self { percent: percent.clamp(1, 100), pause_max, until: now }
    }

    /// A call of the log has ended that took so long. Time in which nothing was asked counts only from then on: it
    /// is not saved up.
    pub(super) fn called(&mut self, took: Duration, now: Instant) {
        let pause = took.saturating_mul(100 - self.percent) / self.percent;
        let until = self.until.max(now) + pause.min(self.pause_max);
        self.until = until.min(now + self.pause_max);
    }

    /// Until when nothing is read, if that is still to come.
    pub(super) fn rests(&self, now: Instant) -> Option<Instant> {
        (now < self.until).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn duty(percent: u32) -> (Duty, Instant) {
        let start = Instant::now();
        (Duty::new(percent, MS * 1_000, start), start)
    }

    #[test]
    fn calls_and_the_pauses_behind_them_take_the_time_in_that_proportion() {
        let (mut duty, start) = duty(20);
        duty.called(MS * 3, start);
        assert_eq!(duty.rests(start), Some(start + MS * 12));
        duty.called(MS, start + MS * 2);
        assert_eq!(duty.rests(start + MS * 2), Some(start + MS * 16), "both count");
        assert_eq!(duty.rests(start + MS * 16), None);
    }

    #[test]
    fn time_without_calls_is_not_saved_up() {
        let (mut duty, start) = duty(50);
        duty.called(MS * 5, start + MS * 900);
        assert_eq!(duty.rests(start + MS * 900), Some(start + MS * 905));
    }

    #[test]
    fn all_of_the_time_is_no_limit_and_no_pause_is_without_bound() {
        let (mut free, start) = duty(100);
        free.called(MS * 5_000, start);
        assert_eq!(free.rests(start), None);
        let (mut least, start) = duty(1);
        (0..9).for_each(|_| least.called(MS * 5_000, start));
        assert_eq!(least.rests(start), Some(start + MS * 1_000));
    }
}
