//! A process of a run: a writer or a relay, which can be killed, stopped and asked to end.

use crate::clock;
use crate::failure::Outcome;
use crate::place::Place;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

/// The argument that makes this program a writer.
pub(crate) const WRITER: &str = "writer-process";
/// The argument that makes this program a relay.
pub(crate) const RELAY: &str = "relay-process";

const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// It ends with its parent, and is killed when the value goes.
pub(crate) struct Process {
    /// Its number in the run.
    pub(crate) number: u64,
    child: Child,
}

impl Process {
    pub(crate) fn start(role: &str, place: &Place) -> Outcome<Self> {
        let (variable, told) = place.variable()?;
        let log = place.folder.join("processes.log");
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).env(variable, told);
        if role == RELAY {
            clock::rule(place, &mut command)?;
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        Ok(Self { number: place.process, child: command.spawn()? })
    }

    /// Sends SIGKILL, SIGSTOP, SIGCONT or SIGTERM.
    pub(crate) fn signal(&self, name: &str) -> Outcome {
        let sent =
            Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(format!("SIG{name} could not be sent").into()) }
    }

    /// How, if it has.
    pub(crate) fn has_ended(&mut self) -> Outcome<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Outcome<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.has_ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(format!("process {} has not ended in {patience:?}", self.number).into());
            }
            sleep(LOOK_INTERVAL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, unless the run failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        clock::forget(self.child.id());
    }
}

/// Within a process of a run: ends when it is asked to end, or when its parent is gone.
pub(crate) async fn asked_to_end() -> Outcome {
    let mut asked = signal(SignalKind::terminate())?;
    let orphaned = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        _ = asked.recv() => Ok(()),
        _ = orphaned => Err("the parent is gone".into()),
    }
}
