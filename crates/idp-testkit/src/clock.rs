//! The time of the runtime: with tokio's paused time, a whole system in simulated time.

use idp_application::Clock;
use idp_domain::Timestamp;
use tokio::time::Instant;

/// Shows the time that has passed on the clock of the tokio runtime, paused or not. Given to a store
/// as the clock of its leases, it lets the store live in the same time as the workers.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeClock {
    start: Instant,
}

impl RuntimeClock {
    /// A clock that shows 1970-01-01 now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_unix_micros(micros)
    }
}
