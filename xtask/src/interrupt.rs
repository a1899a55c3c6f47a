//! Signals: Ctrl-C, a polite kill and a closed terminal end the running program, not this process
//! at once, so that every guard on the stack (above all those that stop servers) still does its
//! work.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::outcome::Outcome;
use crate::process;
use crate::watchdog::Watchdog;

static RAISED: AtomicBool = AtomicBool::new(false);

/// What `kill` takes for each running program: a process id, or minus a group id.
static TARGETS: Mutex<Vec<i64>> = Mutex::new(Vec::new());

/// Takes over the signals of this process. Once, at the start.
pub(crate) fn listen() -> Outcome {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| format!("cannot listen for signals: {error}"))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let again = RAISED.swap(true, Ordering::SeqCst);
            for target in targets().iter() {
                process::signal(if again { "KILL" } else { "TERM" }, *target);
            }
        }
    });
    Ok(())
}

pub(crate) fn raised() -> bool {
    RAISED.load(Ordering::SeqCst)
}

/// Refuses to go on after a signal.
pub(crate) fn check() -> Outcome {
    if raised() { Err("interrupted".to_owned()) } else { Ok(()) }
}

fn targets() -> MutexGuard<'static, Vec<i64>> {
    TARGETS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that a signal to this process also ends, and that does not outlive this value.
pub(crate) struct Running {
    child: Child,
    target: i64,
    _watchdog: Watchdog,
}

impl Running {
    /// In our own process group: the program may use the terminal.
    pub(crate) fn spawn(command: &mut Command) -> Outcome<Self> {
        Self::start(command, |id| id)
    }

    /// In a group of its own, which is ended as a whole: cargo together with the test binaries that
    /// it runs.
    pub(crate) fn spawn_group(command: &mut Command) -> Outcome<Self> {
        Self::start(command.process_group(0), |id| -id)
    }

    fn start(command: &mut Command, target: fn(i64) -> i64) -> Outcome<Self> {
        check()?;
        let child = command.spawn().map_err(|error| process::cannot_start(command, &error))?;
        let target = target(i64::from(child.id()));
        let watchdog =
            Watchdog::over_program(target).inspect_err(|_| process::signal("KILL", target))?;
        targets().push(target);
        if raised() {
            process::signal("TERM", target);
        }
        Ok(Running { child, target, _watchdog: watchdog })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn wait(mut self) -> Outcome<ExitStatus> {
        let status = self.child.wait().map_err(|error| format!("cannot wait: {error}"))?;
        check()?;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::signal("KILL", self.target);
            drop(self.child.wait());
        }
        targets().retain(|target| *target != self.target);
    }
}
