//! Whether a start is still wanted: a signal to us or the failure of a sibling ends it.

use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::server::POLL_INTERVAL;
use crate::interrupt::{self, Running};
use crate::outcome::Outcome;

/// The message of a start that nobody waits for any more: a consequence, not a cause.
pub(crate) const GIVEN_UP: &str = "given up";

/// Clones share one state.
#[derive(Clone, Default)]
pub(crate) struct Patience {
    is_over: Arc<AtomicBool>,
}

impl Patience {
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Refuses to go on when nobody waits any more.
    pub(crate) fn check(&self) -> Outcome {
        interrupt::check()?;
        if self.is_over.load(Ordering::SeqCst) { Err(GIVEN_UP.to_owned()) } else { Ok(()) }
    }

    /// Waits for the program as long as it is wanted, and ends it if it is not.
    pub(crate) fn run(&self, command: &mut Command) -> Outcome<ExitStatus> {
        let mut running = Running::spawn_group(command)?;
        loop {
            self.check()?;
            let status = running.child().try_wait();
            if let Some(status) = status.map_err(|error| format!("cannot wait: {error}"))? {
                return Ok(status);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
