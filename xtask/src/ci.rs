//! `cargo xtask ci`: every check in one order, quick ones first, each announced and timed; the
//! first failure ends it.

use std::time::Instant;

use crate::outcome::{Ending, Outcome};
use crate::process::{cargo, run as run_program};
use crate::tally::Tally;
use crate::{disk, facade, interrupt, optional_tool, test_run, tidy};

type Step = fn(&mut Option<Tally>) -> Outcome;

const STEPS: &[(&str, Step)] = &[
    ("fmt", |_| run_program(&mut cargo(["fmt", "--all", "--check"]))),
    ("tidy", |_| tidy::run()),
    ("clippy", |_| clippy()),
    ("doc", |_| doc()),
    ("test", test),
    ("features", |_| facade::check_features()),
    ("deny", |_| optional_tool::deny()),
    ("typos", |_| optional_tool::typos()),
];

pub(crate) fn run() -> Ending {
    let mut tally = None;
    tell_disk();
    let outcome = STEPS.iter().try_for_each(|(name, step)| timed(name, *step, &mut tally));
    tell_disk();
    Ending { outcome, tally }
}

/// At both ends, since a disk that is full is told by whoever meets it in words of its own.
fn tell_disk() {
    match disk::told() {
        Ok(told) => println!("== disk: {told}"),
        Err(message) => println!("== disk: {message}"),
    }
}

fn timed(name: &str, step: Step, tally: &mut Option<Tally>) -> Outcome {
    interrupt::check()?;
    println!("== {name}");
    let start = Instant::now();
    let outcome = step(tally);
    let seconds = start.elapsed().as_secs_f32();
    match outcome {
        Ok(()) => {
            println!("== {name}: done in {seconds:.1} s");
            Ok(())
        }
        Err(message) => Err(format!("ci stopped at `{name}` after {seconds:.1} s: {message}")),
    }
}

fn clippy() -> Outcome {
    let mut command = cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    run_program(&mut command)
}

fn doc() -> Outcome {
    let mut command = cargo(["doc", "--workspace", "--no-deps"]);
    run_program(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn test(tally: &mut Option<Tally>) -> Outcome {
    tally.insert(test_run::run(&[])?).verdict()
}
