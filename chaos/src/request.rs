//! What a run is asked for on the command line.

use crate::failure::Outcome;
use crate::nemesis::Fault;
use std::time::Duration;

const USAGE: &str =
    "usage: cargo xtask chaos [--long] [--minutes N] [--seed N] [--fault NAME] (NAME: ";

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Decides what the writers do, and in which order faults come.
    pub(crate) seed: u64,
    /// These faults, each once; or for so long.
    pub(crate) faults: Vec<Fault>,
    /// The long form: outages of 30 s, a hundred graceful stops, all again until the time is over.
    pub(crate) long: Option<Duration>,
}

impl Request {
    pub(crate) fn parse(args: &[String]) -> Outcome<Self> {
        let mut request = Self { seed: 1, faults: Fault::ALL.to_vec(), long: None };
        let mut minutes = 30;
        let mut is_long = false;
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--long" => is_long = true,
                "--minutes" => minutes = number(args.next())?,
                "--seed" => request.seed = number(args.next())?,
                "--fault" => request.faults = vec![fault(args.next())?],
                _ => return Err(usage().into()),
            }
        }
        request.long = is_long.then(|| Duration::from_secs(minutes * 60));
        Ok(request)
    }

    /// What is long in the long form and short in the short one.
    pub(crate) fn choose<T>(&self, short: T, long: T) -> T {
        if self.long.is_some() { long } else { short }
    }
}

fn number(value: Option<&str>) -> Outcome<u64> {
    Ok(value.and_then(|value| value.parse().ok()).ok_or_else(usage)?)
}

fn fault(name: Option<&str>) -> Outcome<Fault> {
    Ok(Fault::ALL.into_iter().find(|fault| Some(fault.name()) == name).ok_or_else(usage)?)
}

fn usage() -> String {
    format!("{USAGE}{})", Fault::ALL.map(Fault::name).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<Request> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Request::parse(&args)
    }

    #[test]
    fn without_options_every_fault_comes_once() {
        let request = parsed("").expect("nothing is needed");
        assert_eq!(request.faults, Fault::ALL);
        assert_eq!(request.choose("short", "long"), "short");
    }

    #[test]
    fn options_choose_length_seed_and_fault() {
        let request = parsed("--long --minutes 2 --seed 7 --fault broker_killed");
        let request = request.expect("it is well-formed");
        assert_eq!(request.long, Some(Duration::from_secs(120)));
        assert_eq!((request.seed, request.faults), (7, vec![Fault::BrokerKilled]));
    }

    #[test]
    fn an_unknown_fault_is_refused_with_all_names() {
        let error = parsed("--fault flood").expect_err("there is none").to_string();
        assert!(error.contains("broker_killed"), "{error}");
        assert!(parsed("--seed x").is_err());
    }
}
