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
    let tests = |filters: &[String]| {
        let mut tests = request.cargo_test();
        tests.arg("--no-fail-fast").envs(servers.variables()).envs(libraries.clone());
        // For tests that need servers that they may kill.
        tests.envs(std::env::current_exe().map(|xtask| ("IDP_XTASK", xtask)));
        tests.arg("--").args(filters);
        tests
    };
    let mut seen = stream(&mut tests(request.filters))?;
    print!("{}", seen.failures);
    if seen.may_be_unsteady() {
        println!("== once more, alone");
        seen.look_again(&stream(&mut tests(&seen.alone()))?);
    }
    servers.report_losses();
    Ok(seen.tally)
}

/// So many failures may be for want of time on a machine that others use, too; more are not.
const UNSTEADY_MAX: usize = 3;

/// What a run of tests has shown.
struct Seen {
    tally: Tally,
    failures: Failures,
}

impl Seen {
    /// Whether it is worth a second look: few failed, and nothing died.
    fn may_be_unsteady(&self) -> bool {
        let named = self.failures.names().len();
        (1..=UNSTEADY_MAX).contains(&named) && self.tally.failed() == named as u64
    }

    /// The filters for the tests that failed, one after another. Others of the same names are run, too.
    fn alone(&self) -> Vec<String> {
        let how = ["--exact", "--test-threads=1"].map(str::to_owned);
        how.into_iter().chain(self.failures.names().iter().cloned()).collect()
    }

    /// A test that passes at the second look is told, and counts as passed.
    fn look_again(&mut self, second: &Seen) {
        if second.tally.is_clean(self.failures.names().len()) {
            for name in self.failures.names() {
                eprintln!("xtask: unsteady, to be mended: {name} failed, and passed alone");
            }
            self.tally.absolve();
        }
    }
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
    if !status.success() && seen.tally.failed() == 0 {
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

    const FAILED: [&str; 3] =
        ["test a ... FAILED", "test b ... ok", "test result: FAILED. 1 passed; 1 failed"];

    fn seen(lines: &[&str]) -> Seen {
        let mut terminal = Vec::new();
        let seen = read(lines.join("\n").as_bytes(), &mut terminal).expect("it is read");
        assert_eq!(terminal, lines.join("\n").as_bytes(), "it is passed on");
        seen
    }

    #[test]
    fn what_failed_and_passes_alone_counts_as_passed() {
        let mut first = seen(&FAILED);
        assert!(first.may_be_unsteady());
        assert_eq!(first.alone(), ["--exact", "--test-threads=1", "a"]);
        first.look_again(&seen(&["test result: ok. 1 passed; 0 failed"]));
        assert_eq!(first.tally.to_string(), "2 passed, 0 failed");
    }

    #[test]
    fn what_fails_again_or_is_not_found_has_failed() {
        for second in [&FAILED[..], &["test result: ok. 0 passed; 0 failed"], &[]] {
            let mut first = seen(&FAILED);
            first.look_again(&seen(second));
            assert_eq!(first.tally.to_string(), "1 passed, 1 failed");
        }
    }

    #[test]
    fn many_failures_and_crashes_are_not_for_want_of_time() {
        let failed = |tests: usize| {
            let names = (0..tests).map(|n| format!("test t{n} ... FAILED"));
            let result = format!("test result: FAILED. 0 passed; {tests} failed");
            let lines: Vec<String> = names.chain([result]).collect();
            seen(&lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert!(failed(UNSTEADY_MAX).may_be_unsteady());
        assert!(!failed(UNSTEADY_MAX + 1).may_be_unsteady());
        assert!(!failed(0).may_be_unsteady());
        let mut crashed = failed(1);
        crashed.tally.add_crash();
        assert!(!crashed.may_be_unsteady());
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
