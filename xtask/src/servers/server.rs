//! One throw-away server: started on free ports, watched until it serves, stopped and removed when
//! the value goes. Servers that were here before are neither used nor touched.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::faketime::{self, Clock};
use super::home::Home;
use super::kind::{Kind, Recipe};
use super::patience::Patience;
use crate::outcome::Outcome;
use crate::process;
use crate::watchdog::Watchdog;

pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The fields go in this order: first the server stops, then its folder is removed, then the
/// watchdog may leave.
pub(crate) struct Server {
    daemon: Daemon,
    home: Home,
    _watchdog: Watchdog,
    kind: &'static Kind,
    recipe: Box<dyn Recipe>,
    /// If it does not go by that of the machine.
    clock: Option<Clock>,
}

impl Server {
    /// Returns when the server serves.
    pub(crate) fn start(kind: &'static Kind, patience: &Patience) -> Outcome<Self> {
        Self::start_under(None, kind, patience)
    }

    /// The same with a clock that can be stepped, by that library.
    pub(crate) fn start_under(
        faketime: Option<&Path>,
        kind: &'static Kind,
        patience: &Patience,
    ) -> Outcome<Self> {
        let recipe = (kind.find_or_install)(patience)?;
        patience.check()?;
        let begun = Instant::now();
        let home = Home::create()?;
        let watchdog = Watchdog::over_server(home.folder(), kind.stop_signal)?;
        let mut command = recipe.prepare(&home)?;
        let clock = |library: &Path| Clock::kept_in(home.path("clock"), library.to_owned());
        let clock = faketime.map(clock).transpose()?;
        clock.iter().for_each(|clock| clock.rule(&mut command));
        let daemon = Daemon::spawn(command, kind.stop_signal)?;
        let mut server = Server { daemon, home, _watchdog: watchdog, kind, recipe, clock };
        server.wait_until_ready(patience)?;
        let (title, port) = (kind.title, server.home.port(0));
        eprintln!("{title} on port {port}, ready in {:.1} s", begun.elapsed().as_secs_f32());
        Ok(server)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.kind.name
    }

    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let addresses = self.recipe.addresses(&self.home);
        self.kind.variables.iter().copied().zip(addresses).collect()
    }

    /// Fails if the server has ended by itself.
    pub(crate) fn check(&mut self) -> Outcome {
        if self.daemon.is_alive() {
            return Ok(());
        }
        Err(format!("{} ended; its log says:\n{}", self.kind.title, self.home.end_of_log()))
    }

    /// Ends it by this signal, and waits until it has ended. Its data and ports stay.
    pub(crate) fn end_by(&mut self, signal: &str) -> Outcome {
        self.check()?;
        process::signal(signal, self.daemon.group());
        if self.daemon.has_ended_by(Instant::now() + STOP_TIMEOUT) {
            self.forget_clock();
            return Ok(());
        }
        Err(format!("{} did not end by {signal} within {STOP_TIMEOUT:?}", self.kind.title))
    }

    /// Lets it stand still, or go on.
    pub(crate) fn signal(&mut self, signal: &str) -> Outcome {
        self.check()?;
        process::signal(signal, self.daemon.group());
        Ok(())
    }

    /// Steps its clock: it shows so many seconds more than that of the machine.
    pub(crate) fn set_clock(&self, seconds: &str) -> Outcome {
        let clock = self.clock.as_ref();
        clock.ok_or_else(|| format!("{} has no clock of its own", self.kind.title))?.set(seconds)
    }

    /// Starts it on its data and ports after it has ended, and waits until it serves. A server that
    /// was killed may leave processes behind that go a little later, and refuses to start until then.
    pub(crate) fn start_again(&mut self) -> Outcome {
        if self.daemon.is_alive() {
            return Err(format!("{} still runs", self.kind.title));
        }
        let deadline = Instant::now() + self.kind.start_timeout;
        loop {
            let mut command = self.recipe.prepare(&self.home)?;
            self.clock.iter().for_each(|clock| clock.rule(&mut command));
            self.daemon = Daemon::spawn(command, self.kind.stop_signal)?;
            match self.wait_until_ready(&Patience::default()) {
                Err(_) if !self.daemon.is_alive() && Instant::now() < deadline => {
                    std::thread::sleep(POLL_INTERVAL);
                }
                outcome => return outcome,
            }
        }
    }

    fn forget_clock(&self) {
        if self.clock.is_some() {
            faketime::forget(self.daemon.child.id());
        }
    }

    fn wait_until_ready(&mut self, patience: &Patience) -> Outcome {
        let deadline = Instant::now() + self.kind.start_timeout;
        loop {
            patience.check()?;
            self.check()?;
            if self.recipe.is_ready(&self.home) {
                return self.check();
            }
            if Instant::now() > deadline {
                let Kind { title, start_timeout, .. } = self.kind;
                let log = self.home.end_of_log();
                return Err(format!(
                    "{title} was not ready after {start_timeout:?}; its log says:\n{log}"
                ));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.forget_clock();
    }
}

/// The leader of a process group.
struct Daemon {
    child: Child,
    stop_signal: &'static str,
}

impl Daemon {
    fn spawn(mut command: Command, stop_signal: &'static str) -> Outcome<Self> {
        let child = command.spawn().map_err(|error| process::cannot_start(&command, &error))?;
        Ok(Daemon { child, stop_signal })
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// As `kill` takes it.
    fn group(&self) -> i64 {
        -i64::from(self.child.id())
    }

    fn has_ended_by(&mut self, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            if !self.is_alive() {
                return true;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        false
    }
}

impl Drop for Daemon {
    /// The whole group, as some servers are more than one process. A leader that has ended by
    /// itself took its group along.
    fn drop(&mut self) {
        if !self.is_alive() {
            return;
        }
        let group = self.group();
        process::signal(self.stop_signal, group);
        if !self.has_ended_by(Instant::now() + STOP_TIMEOUT) {
            process::signal("KILL", group);
            drop(self.child.wait());
        }
    }
}
