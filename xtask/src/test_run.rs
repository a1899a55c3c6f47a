//! `cargo xtask test`: builds the test binaries once, meanwhile starts the servers that they need,
//! then runs them, sums the results, and tells at the end what failed.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use crate::failures::Failures;
use crate::interrupt::Running;
use crate::outcome::Outcome;
use crate::process;
use crate::servers::{Launch, java_libraries, needs};
use crate::tally::Tally;

/// Words before `--` go to cargo (`-p idp-postgres`), words after it to the test binaries (`cursor
/// --nocapture`).
pub(crate) fn run(args: &[String]) -> Outcome<Tally> {
    let request = Request::parse(args);
    let launch = Launch::of(&needs::of(&request.packages()));
    let libraries = java_libraries::variables(&request.packages())?;
    process::run(request.cargo_test().arg("--no-run"))
        .map_err(|error| format!("the tests do not build: {error}"))?;
    let mut servers = launch.wait_until_ready()?;
    let mut tests = request.cargo_test();
    tests.arg("--no-fail-fast").envs(servers.variables()).envs(libraries);
    // For tests that need servers that they may kill.
    tests.envs(std::env::current_exe().map(|xtask| ("IDP_XTASK", xtask)));
    let seen = stream(tests.arg("--").args(request.filters))?;
    print!("{}", seen.failures);
    servers.report_losses();
    Ok(seen.tally)
}

/// What a run of tests has shown.
struct Seen {
    tally: Tally,
    failures: Failures,
}

#[derive(Debug, PartialEq, Eq)]
struct Request<'a> {
    for_cargo: &'a [String],
    filters: &'a [String],
}

impl<'a> Request<'a> {
    fn parse(args: &'a [String]) -> Self {
        match args.iter().position(|arg| arg == "--") {
            Some(at) => Request { for_cargo: &args[..at], filters: &args[at + 1..] },
            None => Request { for_cargo: args, filters: &[] },
        }
    }

    fn cargo_test(&self) -> Command {
        let mut command = process::cargo(["test"]);
        if self.packages().is_empty() {
            command.arg("--workspace");
        }
        command.args(self.for_cargo);
        command
    }

    /// The values of `-p` and `--package`, in each of the forms that cargo takes.
    fn packages(&self) -> Vec<&'a str> {
        let mut args = self.for_cargo.iter().map(String::as_str);
        let mut packages = Vec::new();
        while let Some(arg) = args.next() {
            let value = match arg {
                "-p" | "--package" => args.next(),
                _ => arg.strip_prefix("--package=").or_else(|| arg.strip_prefix("-p")),
            };
            packages.extend(value.map(|value| value.trim_start_matches('=')));
        }
        packages
    }
}

/// Lets the output through while it is read.
fn stream(tests: &mut Command) -> Outcome<Seen> {
    let mut running = Running::spawn_group(tests.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let output = running.child().stdout.take().expect("the output is piped");
    let mut seen = read(output, &mut std::io::stdout())?;
    let status = running.wait()?;
    if !status.success() && !seen.tally.has_failures() {
        eprintln!(
            "xtask: a test binary ended without a result ({status}); it counts as one failure"
        );
        seen.tally.add_crash();
    }
    Ok(seen)
}

fn read(output: impl Read, terminal: &mut impl Write) -> Outcome<Seen> {
    let broken = |error: std::io::Error| format!("cannot pass the output of the tests on: {error}");
    let mut output = BufReader::new(output);
    let (mut tally, mut failures) = (Tally::default(), Failures::default());
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).map_err(broken)? > 0 {
        terminal.write_all(&line).and_then(|()| terminal.flush()).map_err(broken)?;
        let text = String::from_utf8_lossy(&line);
        tally.read(text.trim_end());
        failures.read(text.trim_end());
        line.clear();
    }
    failures.end_binary();
    Ok(Seen { tally, failures })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn output_is_passed_on_and_read() {
        let output =
            "test a ... FAILED\nfailures:\nboom\ntest result: FAILED. 1 passed; 1 failed\n";
        let mut terminal = Vec::new();
        let seen = read(output.as_bytes(), &mut terminal).expect("it is read");
        assert_eq!(terminal, output.as_bytes());
        assert_eq!(seen.tally.to_string(), "1 passed, 1 failed");
        assert!(seen.failures.to_string().contains("boom"));
    }

    #[test]
    fn words_after_the_dashes_are_for_the_test_binaries() {
        let args = words("-p idp-sql -- cursor --nocapture");
        let request = Request::parse(&args);
        assert_eq!(process::describe(&request.cargo_test()), "cargo test -p idp-sql");
        assert_eq!(request.filters, words("cursor --nocapture"));
    }

    #[test]
    fn packages_are_named_in_each_form_that_cargo_takes() {
        let args = words("-p a -pb -p=c --package d --package=e --release");
        assert_eq!(Request::parse(&args).packages(), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn without_a_package_the_whole_workspace_is_tested() {
        let args = words("--release");
        let command = Request::parse(&args).cargo_test();
        assert_eq!(process::describe(&command), "cargo test --workspace --release");
    }
}
