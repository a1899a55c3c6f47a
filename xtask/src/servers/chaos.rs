//! `cargo xtask chaos`: the runs of the crate `chaos`, each on servers of its own.

use std::time::{Duration, Instant};

use super::kind::Kind;
use super::{kafka, nats, postgres, pulsar, rabbitmq, redis, run_in_control};
use crate::outcome::Outcome;
use crate::{interrupt, process};

/// The names that `chaos` gives to buses, in the order in which the long form goes through them.
const BUSES: [(&str, &Kind); 6] = [
    ("nats", &nats::KIND),
    ("redis", &redis::KIND),
    ("rabbitmq", &rabbitmq::KIND),
    ("rabbitmq-streams", &rabbitmq::KIND),
    ("kafka", &kafka::KIND),
    ("pulsar", &pulsar::KIND),
];

/// For how long faults happen in the long form on all buses together, unless it is told. With starts and
/// ends it takes less than an hour.
const MINUTES: u64 = 48;

/// Tells a run where to leave its summary.
const SUMMARY: &str = "IDP_CHAOS_SUMMARY";

/// `cargo xtask chaos [OPTIONS]`.
pub(crate) fn chaos_command(args: &[String]) -> Outcome {
    let request = Request::parse(args)?;
    process::run(&mut process::cargo(["build", "--quiet", "--package", "chaos"]))?;
    let mut runs = Vec::new();
    for (name, kind) in &request.buses {
        interrupt::check()?;
        println!("== chaos on {name}");
        runs.push(run_on(name, kind, &request.passed_on));
    }
    if runs.len() > 1 {
        runs.iter().for_each(|run| print!("{}", run.text()));
    }
    let broken: Vec<_> = runs.iter().filter(|run| run.failure.is_some()).collect();
    match broken.len() {
        0 => Ok(()),
        _ => {
            let names: Vec<_> = broken.iter().map(|run| run.bus).collect();
            let names = names.join(", ");
            Err(format!("chaos: not all promises were shown to be kept on {names}"))
        }
    }
}

fn run_on(bus: &'static str, kind: &'static Kind, passed_on: &[String]) -> Run {
    let begun = Instant::now();
    let file = std::env::temp_dir().join(format!("idp-chaos-summary-{}", std::process::id()));
    let mut chaos = process::cargo(["run", "--quiet", "--package", "chaos", "--"]);
    chaos.args(["--bus", bus]).args(passed_on).env(SUMMARY, &file);
    let outcome = run_in_control(&[&postgres::KIND, kind], &mut chaos);
    if let Err(message) = &outcome {
        eprintln!("xtask: {message}");
    }
    let summary = std::fs::read_to_string(&file).unwrap_or_default();
    drop(std::fs::remove_file(&file));
    Run { bus, failure: outcome.err(), summary, took: begun.elapsed() }
}

/// What became of a run.
struct Run {
    bus: &'static str,
    failure: Option<String>,
    /// Empty when it did not come so far.
    summary: String,
    took: Duration,
}

impl Run {
    fn text(&self) -> String {
        let Self { bus, failure, summary, took } = self;
        let (verdict, seconds) = match failure {
            None => ("all is kept", took.as_secs()),
            Some(_) if summary.is_empty() => ("FAILED before its end", took.as_secs()),
            Some(_) => ("NOT KEPT", took.as_secs()),
        };
        format!("== {bus}: {verdict}, in {} min {} s\n{summary}", seconds / 60, seconds % 60)
    }
}

struct Request {
    buses: Vec<(&'static str, &'static Kind)>,
    passed_on: Vec<String>,
}

impl Request {
    /// All but the bus and the time is for the program; the time is shared by the buses.
    fn parse(args: &[String]) -> Outcome<Self> {
        let (mut buses, mut minutes, mut passed_on) = (Vec::new(), MINUTES, Vec::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bus" => buses.push(known(args.next())?),
                "--minutes" => minutes = number(args.next())?,
                _ => passed_on.push(arg.clone()),
            }
        }
        let is_long = passed_on.iter().any(|arg| arg == "--long");
        if buses.is_empty() {
            buses = if is_long { BUSES.to_vec() } else { vec![BUSES[0]] };
        }
        let share = (minutes / buses.len() as u64).max(1);
        passed_on.extend(["--minutes".to_owned(), share.to_string()]);
        Ok(Self { buses, passed_on })
    }
}

fn known(name: Option<&String>) -> Outcome<(&'static str, &'static Kind)> {
    let found = BUSES.into_iter().find(|(known, _)| name.is_some_and(|name| name == known));
    found.ok_or_else(|| format!("--bus needs one of {}", BUSES.map(|(name, _)| name).join(", ")))
}

fn number(value: Option<&String>) -> Outcome<u64> {
    let number = value.and_then(|value| value.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| "--minutes needs a number of minutes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<(Vec<&'static str>, String)> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let request = Request::parse(&args)?;
        let buses = request.buses.iter().map(|(name, _)| *name).collect();
        Ok((buses, request.passed_on.join(" ")))
    }

    #[test]
    fn the_short_form_is_for_one_bus() {
        assert_eq!(
            parsed("--seed 3").expect("valid"),
            (vec!["nats"], "--seed 3 --minutes 48".into())
        );
        assert_eq!(parsed("--bus kafka").expect("valid").0, ["kafka"]);
        assert!(parsed("--bus pigeon").expect_err("unknown").contains("rabbitmq-streams"));
    }

    #[test]
    fn the_long_form_shares_its_time_among_all_buses() {
        let (buses, passed_on) = parsed("--long --minutes 30").expect("valid");
        assert_eq!(buses, BUSES.map(|(name, _)| name));
        assert_eq!(passed_on, "--long --minutes 5");
        let (buses, passed_on) = parsed("--long --bus redis --minutes 2").expect("valid");
        assert_eq!((buses, passed_on), (vec!["redis"], "--long --minutes 2".to_owned()));
        let (buses, passed_on) =
            parsed("--long --bus redis --bus nats --minutes 2").expect("valid");
        assert_eq!((buses, passed_on), (vec!["redis", "nats"], "--long --minutes 1".to_owned()));
        assert!(parsed("--minutes soon").is_err());
    }
    #[test]
    fn a_run_is_shown_with_its_verdict_whatever_became_of_it() {
        let run = |failure: Option<&str>, summary: &str| Run {
            bus: "redis",
            failure: failure.map(str::to_owned),
            summary: summary.to_owned(),
            took: Duration::from_secs(75),
        };
        assert_eq!(run(None, "   x\n").text(), "== redis: all is kept, in 1 min 15 s\n   x\n");
        let broken = run(Some("1 finding"), "   x\n").text();
        assert_eq!(broken, "== redis: NOT KEPT, in 1 min 15 s\n   x\n");
        let failed = run(Some("no lanes"), "").text();
        assert_eq!(failed, "== redis: FAILED before its end, in 1 min 15 s\n");
    }
}
