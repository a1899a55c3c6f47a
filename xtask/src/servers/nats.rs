//! NATS with JetStream.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::home::Home;
use super::kind::{Kind, Recipe};
use super::packages::{self, Need};
use super::patience::Patience;
use super::probe;
use crate::outcome::Outcome;

pub(crate) const KIND: Kind = Kind {
    name: "nats",
    title: "NATS",
    variables: &["IDP_TEST_NATS"],
    start_timeout: Duration::from_secs(30),
    stop_signal: "KILL",
    find_or_install,
};

const NEED: Need = Need {
    title: "NATS",
    package: "nats-server",
    elsewhere: "the server program of https://nats.io on PATH; macOS: `brew install nats-server`",
};

struct Nats {
    program: PathBuf,
}

fn find_or_install(patience: &Patience) -> Outcome<Box<dyn Recipe>> {
    let program = packages::program("nats-server", &NEED, patience)?;
    Ok(Box::new(Nats { program }))
}

impl Recipe for Nats {
    fn prepare(&self, home: &Home) -> Outcome<Command> {
        let mut command = home.daemon(&self.program)?;
        command.args(["--addr", "127.0.0.1", "--port", &home.port(0).to_string()]);
        command.args(["--jetstream", "--store_dir"]).arg(home.path("data"));
        Ok(command)
    }

    /// Its greeting is one line of JSON, which says whether JetStream is on.
    fn is_ready(&self, home: &Home) -> bool {
        probe::ask(home.port(0), b"", b"INFO {".len()).is_some_and(|start| start == b"INFO {")
    }

    fn addresses(&self, home: &Home) -> Vec<String> {
        vec![format!("nats://127.0.0.1:{}", home.port(0))]
    }
}
