//! `cargo run --release -p bench -- write-path`: what idp costs beside the same work written by
//! hand.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod buses;
mod delay_proxy;
mod drain;
mod machine;
mod schema;
mod wake_up;
mod write_path;

use std::error::Error;
use std::process::ExitCode;

/// Whatever ends a measurement; it is shown and nothing else.
type BoxError = Box<dyn Error + Send + Sync>;

const USAGE: &str = "\
usage: cargo run --release -p bench -- COMMAND

  write-path [--rounds N] [--quick] [--only WORD]...
      create and dispatch: the unit of work beside SQL written by hand, on PostgreSQL and SQLite.
      The tables go to standard output, as they stand in docs/benchmarks.md.

      --rounds N   how often each cell is measured; 9 unless told
      --quick      a tenth of the work in one round: shows that everything runs, measures nothing
      --only WORD  only the cells whose title has the word; several narrow it down

  drain [--long] [--quick] [--events N] [--only WORD]...
      a backlog of events to a bus that counts: the relay beside that of the textbook and the bare
      reading of the log, on PostgreSQL and SQLite; and what it costs those who commit meanwhile.

      --long       also ten million events
      --quick      shows that everything runs, measures nothing
      --events N   only a backlog of so many
      --only WORD  only measurements whose title has the word, such as `PostgreSQL, idp` or `writers`

  wake-up [--quick]
      how long after a commit its event is at the bus: in process, by NOTIFY, by change data
      capture, beside a relay that polls each 100 ms.

  buses [--only NAME,...] [--quick]
      each bus beside the bare client of its broker, in turn: nats, redis, rabbitmq, kafka, pulsar.
      To start the servers for it:
                cargo xtask servers --only nats,redis,rabbitmq,kafka,pulsar -- \
                    cargo run --release -p bench -- buses

environment
  IDP_TEST_PG   the PostgreSQL to measure on (a URL of a superuser). To start one for the run:
                cargo xtask pg -- cargo run --release -p bench -- write-path";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["write-path", options @ ..] => write_path::run(options),
        ["drain", options @ ..] => drain::run(options),
        ["wake-up", options @ ..] => wake_up::run(options),
        ["buses", options @ ..] => buses::run(options),
        ["delay-proxy", target] => delay_proxy::serve(target),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
