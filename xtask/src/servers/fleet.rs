//! Several servers at once: started side by side, each in its own thread, so that the slowest alone
//! counts.

use std::thread::JoinHandle;

use super::kind::Kind;
use super::patience::{GIVEN_UP, Patience};
use super::server::Server;
use crate::outcome::Outcome;

/// Servers that are being started. Dropped, it gives the starts up and stops what runs already.
pub(crate) struct Launch {
    patience: Patience,
    threads: Vec<JoinHandle<Outcome<Member>>>,
}

impl Launch {
    pub(crate) fn of(kinds: &[&'static Kind]) -> Self {
        let patience = Patience::default();
        let threads = kinds.iter().map(|kind| in_background(kind, patience.clone())).collect();
        Launch { patience, threads }
    }

    /// All of them, or why one did not start.
    pub(crate) fn wait_until_ready(mut self) -> Outcome<Fleet> {
        let mut members = Vec::new();
        let mut failures = Vec::new();
        for thread in std::mem::take(&mut self.threads) {
            match result(thread) {
                Ok(member) => members.push(member),
                Err(message) if failures.contains(&message) => {}
                Err(message) => failures.push(message),
            }
        }
        failures.retain(|message| message != GIVEN_UP);
        if failures.is_empty() { Ok(Fleet { members }) } else { Err(failures.join("\n")) }
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        self.patience.end();
        self.threads.drain(..).for_each(|thread| drop(result(thread)));
    }
}

/// The first failure ends the patience with the others.
fn in_background(kind: &'static Kind, patience: Patience) -> JoinHandle<Outcome<Member>> {
    std::thread::spawn(move || Member::provide(kind, &patience).inspect_err(|_| patience.end()))
}

fn result(thread: JoinHandle<Outcome<Member>>) -> Outcome<Member> {
    thread.join().unwrap_or_else(|_| Err("a start panicked; its message is above".to_owned()))
}

/// Servers that serve. They stop when the value goes.
pub(crate) struct Fleet {
    members: Vec<Member>,
}

impl Fleet {
    /// What tells the tests where the servers are.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.members.iter().flat_map(Member::variables).collect()
    }

    /// Whether all were given from outside.
    pub(crate) fn owns_nothing(&self) -> bool {
        self.members.iter().all(|member| matches!(member, Member::Given(_)))
    }

    /// Fails if one of ours has ended by itself.
    pub(crate) fn check(&mut self) -> Outcome {
        self.members.iter_mut().try_for_each(|member| match member {
            Member::Given(_) => Ok(()),
            Member::ThrowAway(server) => server.check(),
        })
    }

    /// Says after the work whether one of ours has ended during it: that may explain a failure.
    pub(crate) fn report_losses(&mut self) {
        if let Err(message) = self.check() {
            eprintln!("xtask: {message}");
        }
    }
}

enum Member {
    Given(Vec<(&'static str, String)>),
    ThrowAway(Server),
}

impl Member {
    fn provide(kind: &'static Kind, patience: &Patience) -> Outcome<Self> {
        match given(kind) {
            Some(variables) => Ok(Member::Given(variables)),
            None => Server::start(kind, patience).map(Member::ThrowAway),
        }
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Member::Given(variables) => variables.clone(),
            Member::ThrowAway(server) => server.variables(),
        }
    }
}

/// The values of all variables of the kind; some of them are not enough.
fn given(kind: &Kind) -> Option<Vec<(&'static str, String)>> {
    let value = |name: &&'static str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((*name, value))
    };
    kind.variables.iter().map(value).collect()
}
