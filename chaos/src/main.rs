//! `cargo xtask chaos`: writers and relays in processes of their own, on a real PostgreSQL and a
//! real broker, under faults; what was recorded is held against the guarantees.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod request;
mod failure;
mod place;
mod servers;
mod clock;
mod process;

mod writer;
mod relay;
mod bus;
mod observed;
mod stored;

mod journal;
mod check;

mod scene;
mod nemesis;
mod aftermath;
mod report;
mod summary;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let outcome = match args.first().map(String::as_str) {
        Some(process::WRITER) => runtime.block_on(writer::run()),
        Some(process::RELAY) => runtime.block_on(relay::run()),
        _ => runtime.block_on(run::run(&args)),
    };
    // What still waits for the input of the process must not keep it.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}
