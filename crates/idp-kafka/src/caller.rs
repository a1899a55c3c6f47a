//! Whether whoever asked for a send still waits for it. The send itself goes on in a thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a call and the thread that does its work both know.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    is_gone: AtomicBool,
    since: OnceLock<Instant>,
}

impl Caller {
    /// Set when the caller has gone.
    pub(crate) fn is_gone(&self) -> &AtomicBool {
        &self.is_gone
    }

    /// Whether it has gone so long ago.
    pub(crate) fn is_gone_for(&self, time: Duration) -> bool {
        self.since.get().is_some_and(|since| since.elapsed() >= time)
    }
}

/// The caller; it has gone when the value goes.
#[derive(Debug, Default)]
pub(crate) struct Present(pub(crate) Arc<Caller>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.since.get_or_init(Instant::now);
        self.0.is_gone.store(true, Ordering::Relaxed);
    }
}
