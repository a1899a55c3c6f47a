//! The PostgreSQL that tests run on: the one that the environment names, else a throw-away one of
//! our own.

mod account;
mod binaries;
mod home;
mod install;
mod server;
mod watchdog;

use std::process::Command;
use std::time::Duration;

use crate::interrupt;
use crate::outcome::Outcome;
use crate::process;
use server::Server;

/// Names the database to the tests.
pub(crate) const DATABASE_VARIABLE: &str = "IDP_TEST_PG";

pub(crate) enum Database {
    Given(String),
    ThrowAway(Server),
}

impl Database {
    pub(crate) fn provide() -> Outcome<Self> {
        match std::env::var(DATABASE_VARIABLE) {
            Ok(url) if !url.is_empty() => Ok(Database::Given(url)),
            _ => Server::start().map(Database::ThrowAway),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Database::Given(url) => url.clone(),
            Database::ThrowAway(server) => server.url(),
        }
    }
}

/// `cargo xtask pg [-- CMD...]`.
pub(crate) fn command(args: &[String]) -> Outcome {
    let words = match args {
        [first, rest @ ..] if first == "--" => rest,
        words => words,
    };
    match (words, Database::provide()?) {
        ([program, args @ ..], database) => {
            process::run(Command::new(program).args(args).env(DATABASE_VARIABLE, database.url()))
        }
        ([], Database::ThrowAway(server)) => keep(server),
        ([], Database::Given(url)) => {
            println!("{url}\n{DATABASE_VARIABLE} is set, so nothing was started");
            Ok(())
        }
    }
}

fn keep(mut server: Server) -> Outcome {
    println!("{}\nstop with Ctrl-C", server.url());
    while !interrupt::raised() {
        server.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
