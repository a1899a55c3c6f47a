//! Spares a bus that does not answer: after some failures in a row only one lane tries it, and only
//! after a pause.

use std::time::{Duration, Instant};

/// A circuit breaker over all lanes of a target (Nygard, *Release It!*).
#[derive(Debug)]
pub(crate) struct Breaker {
    /// After so many failures in a row it opens.
    failures_max: u32,
    failures: u32,
    open_until: Option<Instant>,
}

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Everything.
    Free,
    /// One send, to see whether the bus is back.
    One,
    /// Nothing before that instant.
    None(Instant),
}

impl Breaker {
    pub(crate) fn new(failures_max: u32) -> Self {
        Self { failures_max, failures: 0, open_until: None }
    }

    pub(crate) fn passage(&self, now: Instant) -> Passage {
        match self.open_until {
            None => Passage::Free,
            Some(until) if now < until => Passage::None(until),
            Some(_) => Passage::One,
        }
    }

    /// How many failures in a row there would be with one more.
    pub(crate) fn failures_with_one_more(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// The bus took something over. Says whether it was thought to be away.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.open_until.take().is_some()
    }

    /// The bus failed; `pause` is for how long to spare it if that is one failure too many.
    pub(crate) fn failed(&mut self, pause: Duration, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.failures_max {
            self.open_until = Some(now + pause);
        }
    }

    /// The bus asked to be spared.
    pub(crate) fn throttled(&mut self, pause: Duration, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.open_until = Some(now + pause);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_through_after_the_pause() {
        let (mut breaker, now) = (Breaker::new(3), Instant::now());
        breaker.failed(PAUSE, now);
        breaker.succeeded();
        breaker.failed(PAUSE, now);
        breaker.failed(PAUSE, now);
        assert_eq!(breaker.passage(now), Passage::Free);
        breaker.failed(PAUSE, now);
        assert_eq!(breaker.passage(now), Passage::None(now + PAUSE));
        assert_eq!(breaker.passage(now + PAUSE), Passage::One);
        assert!(breaker.succeeded());
        assert_eq!(breaker.passage(now), Passage::Free);
    }

    #[test]
    fn a_bus_that_asks_for_it_is_spared_at_once() {
        let (mut breaker, now) = (Breaker::new(3), Instant::now());
        breaker.throttled(PAUSE, now);
        assert_eq!(breaker.passage(now), Passage::None(now + PAUSE));
    }
}
