//! Each bus beside the bare client of its broker. The measurements are examples of the bus crates, which
//! alone know their clients; this runs them one after another and makes one table of their rows.

use crate::{BoxError, machine};
use idp_conformance::throughput::{BATCH, Comparison};
use std::process::{Command, Stdio};

/// The buses, and the variables that name their servers.
const BUSES: [(&str, &[&str]); 5] = [
    ("nats", &["IDP_TEST_NATS"]),
    ("redis", &["IDP_TEST_REDIS"]),
    ("rabbitmq", &["IDP_TEST_RABBITMQ", "IDP_TEST_RABBITMQ_STREAM"]),
    ("kafka", &["IDP_TEST_KAFKA"]),
    ("pulsar", &["IDP_TEST_PULSAR", "IDP_TEST_PULSAR_ADMIN"]),
];

struct Options {
    only: Vec<String>,
    quick: bool,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self, BoxError> {
        let mut options = Self { only: Vec::new(), quick: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => options.quick = true,
                "--only" => {
                    let names = words.next().ok_or("`--only` needs a value")?;
                    options.only.extend(names.split(',').map(str::to_owned));
                }
                unknown => return Err(format!("there is no option `{unknown}`").into()),
            }
        }
        let is_known = |name: &&String| BUSES.iter().any(|(bus, _)| bus == name);
        match options.only.iter().find(|name| !is_known(name)) {
            Some(unknown) => Err(format!("there is no bus `{unknown}`").into()),
            None => Ok(options),
        }
    }

    fn wanted(&self) -> Vec<(&'static str, &'static [&'static str])> {
        let wanted = |name: &str| self.only.is_empty() || self.only.iter().any(|only| only == name);
        BUSES.into_iter().filter(|(name, _)| wanted(name)).collect()
    }
}

pub(crate) fn run(words: &[&str]) -> Result<(), BoxError> {
    let options = Options::parse(words)?;
    let wanted = options.wanted();
    let variables = wanted.iter().flat_map(|(_, variables)| *variables);
    if let Some(missing) = variables.copied().find(|name| std::env::var_os(name).is_none()) {
        let names: Vec<_> = wanted.iter().map(|(name, _)| *name).collect();
        let names = names.join(",");
        let command = format!(
            "{missing} is not set. To start the servers for the run:\n  cargo xtask servers --only {names} \
             -- cargo run --release -p bench -- buses --only {names}"
        );
        return Err(command.into());
    }
    // Built first, so that no compiler runs beside a measurement.
    for (name, _) in &wanted {
        example("build", name, &[])?;
    }
    println!("| | |\n|---|---|");
    for (name, value) in machine::describe() {
        println!("| {name} | {value} |");
    }
    println!("| messages of a batch | {BATCH} |\n\n{}", Comparison::HEAD);
    let size: &[&str] = if options.quick { &["5000", "1"] } else { &[] };
    // One that fails does not cost the others their rows.
    let mut failures = Vec::new();
    for (name, _) in &wanted {
        match example("run", name, size) {
            Ok(rows) => print!("{rows}"),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ").into()) }
}

/// What the example of a bus prints.
fn example(command: &str, bus: &str, arguments: &[&str]) -> Result<String, BoxError> {
    eprintln!("{command} {bus}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--quiet", "--release", "-p", &format!("idp-{bus}")]);
    cargo.args(["--example", &format!("throughput_{bus}")]);
    if !arguments.is_empty() {
        cargo.arg("--").args(arguments);
    }
    let output = cargo.stderr(Stdio::inherit()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(format!("the measurement of {bus} failed: {}", output.status).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_buses_are_chosen_by_name_and_nonsense_is_refused() {
        let names = |words: &[&str]| {
            let wanted = Options::parse(words).expect("valid").wanted();
            wanted.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]).len(), BUSES.len());
        assert_eq!(names(&["--only", "kafka,nats", "--quick"]), ["nats", "kafka"]);
        assert!(Options::parse(&["--only", "zeromq"]).is_err());
    }
}
