//! `cargo xtask chaos`: the runs of the crate `chaos`, each on servers of its own.

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

/// How long the long form takes on all buses together, unless it is told.
const MINUTES: u64 = 60;

/// `cargo xtask chaos [OPTIONS]`.
pub(crate) fn chaos_command(args: &[String]) -> Outcome {
    let request = Request::parse(args)?;
    process::run(&mut process::cargo(["build", "--quiet", "--package", "chaos"]))?;
    let mut broken = Vec::new();
    for (name, kind) in &request.buses {
        interrupt::check()?;
        println!("== chaos on {name}");
        let mut chaos = process::cargo(["run", "--quiet", "--package", "chaos", "--"]);
        chaos.args(["--bus", name]).args(&request.passed_on);
        if let Err(message) = run_in_control(&[&postgres::KIND, kind], &mut chaos) {
            eprintln!("xtask: {message}");
            broken.push(*name);
        }
    }
    match broken.len() {
        0 => Ok(()),
        _ => Err(format!("chaos: not all promises were shown to be kept on {}", broken.join(", "))),
    }
}

struct Request {
    buses: Vec<(&'static str, &'static Kind)>,
    passed_on: Vec<String>,
}

impl Request {
    /// All but the bus and the time is for the program; the time is shared by the buses.
    fn parse(args: &[String]) -> Outcome<Self> {
        let (mut bus, mut minutes, mut passed_on) = (None, MINUTES, Vec::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bus" => bus = Some(known(args.next())?),
                "--minutes" => minutes = number(args.next())?,
                _ => passed_on.push(arg.clone()),
            }
        }
        let is_long = passed_on.iter().any(|arg| arg == "--long");
        let buses = match bus {
            Some(bus) => vec![bus],
            None if is_long => BUSES.to_vec(),
            None => vec![BUSES[0]],
        };
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
            (vec!["nats"], "--seed 3 --minutes 60".into())
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
        assert!(parsed("--minutes soon").is_err());
    }
}
