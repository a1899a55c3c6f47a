//! Redis, with the append-only file that a stream of events needs.

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
    name: "redis",
    title: "Redis",
    variables: &["IDP_TEST_REDIS"],
    start_timeout: Duration::from_secs(30),
    stop_signal: "KILL",
    find_or_install,
};

const NEED: Need = Need {
    title: "Redis",
    package: "redis-server",
    elsewhere: "redis-server 7 or later on PATH; macOS: `brew install redis`",
};

const SETTINGS: [[&str; 2]; 4] = [
    ["--bind", "127.0.0.1"],
    ["--save", ""],
    ["--appendonly", "yes"],
    ["--appendfsync", "everysec"],
];

struct Redis {
    program: PathBuf,
}

fn find_or_install(patience: &Patience) -> Outcome<Box<dyn Recipe>> {
    let program = packages::program("redis-server", &NEED, patience)?;
    Ok(Box::new(Redis { program }))
}

impl Recipe for Redis {
    fn prepare(&self, home: &Home) -> Outcome<Command> {
        let mut command = home.daemon(&self.program)?;
        command.args(["--port", &home.port(0).to_string()]).args(SETTINGS.as_flattened());
        command.arg("--dir").arg(home.folder());
        Ok(command)
    }

    fn is_ready(&self, home: &Home) -> bool {
        probe::ask(home.port(0), b"PING\r\n", 7).is_some_and(|answer| answer == b"+PONG\r\n")
    }

    fn addresses(&self, home: &Home) -> Vec<String> {
        vec![format!("redis://127.0.0.1:{}", home.port(0))]
    }
}
