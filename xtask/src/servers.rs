//! The servers that tests run on: those that the environment names, else throw-away ones of our
//! own, on free ports of 127.0.0.1, which are gone when the command ends, however it ends.

mod kind;
mod server;
mod home;
mod probe;
mod patience;
mod fleet;
mod control;
mod faketime;
mod c11_waits;
mod chaos;
mod request;
pub(crate) mod needs;
mod account;
mod packages;
mod postgres;
mod rabbitmq;
mod cache;
mod java;
mod maven;
pub(crate) mod java_libraries;
mod kafka;
mod pulsar;
mod nats;
mod redis;

use std::process::Command;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::{interrupt, process};
use c11_waits::C11Waits;
pub(crate) use chaos::chaos_command;
use control::{Control, Stepping};
use fleet::Fleet;
pub(crate) use fleet::Launch;
use kind::Kind;
use patience::Patience;
use request::Request;
use server::Server;

/// All kinds, in the order in which they are shown.
const KINDS: [&Kind; 6] =
    [&postgres::KIND, &redis::KIND, &nats::KIND, &rabbitmq::KIND, &kafka::KIND, &pulsar::KIND];

/// Each variable that tells the tests where a server is.
pub(crate) fn variables() -> impl Iterator<Item = (&'static Kind, &'static str)> {
    KINDS.into_iter().flat_map(|kind| kind.variables.iter().map(move |variable| (kind, *variable)))
}

/// `cargo xtask servers [--own] [--only NAME,...] [-- CMD...]`.
pub(crate) fn command(args: &[String]) -> Outcome {
    serve(&Request::parse(args)?)
}

/// `cargo xtask pg [-- CMD...]`.
pub(crate) fn postgres_command(args: &[String]) -> Outcome {
    let words = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    serve(&Request { kinds: vec![&postgres::KIND], are_own: false, words })
}

fn serve(request: &Request<'_>) -> Outcome {
    match (request.are_own, request.words) {
        (true, [program, args @ ..]) => {
            return run_in_control(&request.kinds, Command::new(program).args(args));
        }
        (true, []) => return Err("--own needs a command that the servers are for".to_owned()),
        (false, _) => {}
    }
    let mut fleet = Launch::of(&request.kinds).wait_until_ready()?;
    match request.words {
        [program, args @ ..] => {
            let outcome = process::run(Command::new(program).args(args).envs(fleet.variables()));
            fleet.report_losses();
            outcome
        }
        [] => keep(fleet),
    }
}

/// Runs the command on servers of its own, which it may kill and start again. PostgreSQL goes by a
/// clock that it may step, where that is possible.
fn run_in_control(kinds: &[&'static Kind], command: &mut Command) -> Outcome {
    let patience = Patience::default();
    let faketime = faketime::find_or_install(&patience)?;
    let servers = kinds.iter().map(|kind| {
        let library = faketime.as_deref().filter(|_| kind.name == postgres::KIND.name);
        Server::start_under(library, kind, &patience)
    });
    let servers = servers.collect::<Outcome<Vec<_>>>()?;
    let stepping = |library| C11Waits::compile(&patience).map(|waits| Stepping { library, waits });
    let control = Control::over(servers, faketime.clone().map(stepping).transpose()?)?;
    let outcome = process::run(command.envs(control.variables()));
    control.report_losses();
    outcome
}

/// `cargo xtask debezium [FILTER ARGS]`.
pub(crate) fn debezium_command(args: &[String]) -> Outcome {
    let libraries = java_libraries::all()?;
    let mut fleet = Launch::of(&[&postgres::KIND]).wait_until_ready()?;
    let mut tests = process::cargo(["test", "--package", "interop", "--test", "debezium", "--"]);
    let outcome = process::run(tests.args(args).envs(libraries).envs(fleet.variables()));
    fleet.report_losses();
    outcome
}

fn keep(mut fleet: Fleet) -> Outcome {
    for (name, value) in fleet.variables() {
        println!("{name}={value}");
    }
    if fleet.owns_nothing() {
        println!("the environment names all of them, so nothing was started");
        return Ok(());
    }
    println!("stop with Ctrl-C");
    while !interrupt::raised() {
        fleet.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
