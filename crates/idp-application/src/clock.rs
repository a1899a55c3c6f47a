//! The only place that reads the time.

use idp_domain::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// Tells the time of the service. Leases do not use it: there the database's clock decides.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_unix_micros(micros)
    }
}

/// A clock that stands still until it is moved; for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows that instant.
    pub fn at(instant: Timestamp) -> Self {
        Self(AtomicI64::new(instant.unix_micros()))
    }

    /// Moves the clock; it may also go back.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.unix_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }
}
