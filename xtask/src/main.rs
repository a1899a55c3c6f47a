//! `cargo xtask`: the commands of this workspace, the same for people and for CI.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod ci;
mod disk;
mod facade;
mod failures;
mod interrupt;
mod optional_tool;
mod outcome;
mod process;
mod servers;
mod tally;
mod test_run;
mod tidy;
mod watchdog;
mod workspace;

use std::process::ExitCode;

use outcome::{Ending, Outcome};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci                                  every check in order; stops at the first failure
  test [CARGO ARGS] [-- FILTER ARGS]  all tests, on throw-away servers
  servers [--only NAMES] [-- CMD...]  runs CMD on throw-away servers, or keeps them running;
                                      NAMES: pg,redis,nats,rabbitmq,kafka,pulsar; with --own in
                                      front on none that the environment names
  pg [-- CMD...]                      the same with PostgreSQL only
  chaos [--bus NAME]... [--long] [--minutes N] [--seed N] [--fault NAME]...
                                      relays under faults, the history held against the guarantees;
                                      --long without --bus on every bus, one after another, within
                                      an hour, with a summary of each
  tidy                                layers, files, documents and contract clauses
  deny                                licences, advisories, sources; installs cargo-deny

environment
  IDP_TEST_PG, IDP_TEST_REDIS, ...
                use this server and start none; CONTRIBUTING.md has them all
  IDP_PG_BIN    the folder with initdb, postgres and pg_isready";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let ending = match interrupt::listen() {
        Ok(()) => dispatch(&args),
        Err(message) => Err(message).into(),
    };
    ending.report()
}

fn dispatch(args: &[String]) -> Ending {
    let Some((command, rest)) = args.split_first() else {
        return Err(USAGE.to_owned()).into();
    };
    match command.as_str() {
        "ci" => ci::run(),
        "test" => match test_run::run(rest) {
            Ok(tally) => Ending { outcome: tally.verdict(), tally: Some(tally) },
            Err(message) => Err(message).into(),
        },
        "servers" => servers::command(rest).into(),
        "pg" => servers::postgres_command(rest).into(),
        "chaos" => servers::chaos_command(rest).into(),
        "debezium" => servers::debezium_command(rest).into(),
        "tidy" => tidy::run().into(),
        "deny" => optional_tool::install_and_run_deny().into(),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Outcome::Ok(()).into()
        }
        unknown => Err(format!("there is no command `{unknown}`\n\n{USAGE}")).into(),
    }
}
