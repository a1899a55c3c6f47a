//! What a run is asked for on the command line.

use crate::bus::Bus;
use crate::failure::Outcome;
use crate::nemesis::Fault;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const USAGE: &str = "usage: cargo xtask chaos [--bus BUS] [--long] [--minutes N] [--seed N] \
    [--fault NAME]";

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Decides what the writers do, and in which order faults come.
    pub(crate) seed: u64,
    /// The bus that it is about.
    pub(crate) bus: Bus,
    /// These faults, each once in this order; or again and again.
    pub(crate) faults: Vec<Fault>,
    /// The long form: outages of 30 s, a hundred graceful stops, all again until the time is over.
    pub(crate) long: Option<Duration>,
}

impl Request {
    pub(crate) fn parse(args: &[String]) -> Outcome<Self> {
        let bus = Bus::Nats;
        let mut request = Self { seed: 1, bus, faults: Fault::ALL.to_vec(), long: None };
        let (mut minutes, mut chosen, mut seed) = (60, Vec::new(), None);
        let mut is_long = false;
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--long" => is_long = true,
                "--minutes" => minutes = number(args.next())?,
                "--bus" => request.bus = bus_of(args.next())?,
                "--seed" => seed = Some(number(args.next())?),
                "--fault" => chosen.push(fault(args.next())?),
                _ => return Err(usage().into()),
            }
        }
        if !chosen.is_empty() {
            request.faults = chosen;
        }
        request.seed = seed.unwrap_or_else(|| if is_long { any_seed() } else { 1 });
        request.long = is_long.then(|| Duration::from_secs(minutes * 60));
        Ok(request)
    }

    /// What asks for this run again.
    pub(crate) fn command(&self) -> String {
        let mut command =
            format!("cargo xtask chaos --bus {} --seed {}", self.bus.name(), self.seed);
        if let Some(time) = self.long {
            command += &format!(" --long --minutes {}", time.as_secs() / 60);
        }
        if self.faults != Fault::ALL {
            self.faults.iter().for_each(|fault| command += &format!(" --fault {}", fault.name()));
        }
        command
    }

    /// What is long in the long form and short in the short one.
    pub(crate) fn choose<T>(&self, short: T, long: T) -> T {
        if self.long.is_some() { long } else { short }
    }
}

/// The keys of a hash map are the randomness of the standard library.
fn any_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) % 1_000_000
}

fn number(value: Option<&str>) -> Outcome<u64> {
    Ok(value.and_then(|value| value.parse().ok()).ok_or_else(usage)?)
}

fn fault(name: Option<&str>) -> Outcome<Fault> {
    Ok(Fault::ALL.into_iter().find(|fault| Some(fault.name()) == name).ok_or_else(usage)?)
}

fn bus_of(name: Option<&str>) -> Outcome<Bus> {
    Ok(Bus::ALL.into_iter().find(|bus| Some(bus.name()) == name).ok_or_else(usage)?)
}

fn usage() -> String {
    let (buses, faults) = (Bus::ALL.map(Bus::name), Fault::ALL.map(Fault::name));
    format!("{USAGE}; BUS: {}; NAME: {}", buses.join(", "), faults.join(", "))
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
        let request = parsed("--long --minutes 2 --seed 7 --fault broker_killed --bus kafka");
        let request = request.expect("it is well-formed");
        assert_eq!(request.long, Some(Duration::from_secs(120)));
        assert_eq!((request.seed, request.bus), (7, Bus::Kafka));
        let command =
            "cargo xtask chaos --bus kafka --seed 7 --long --minutes 2 --fault broker_killed";
        assert_eq!(request.command(), command);
        assert_eq!(request.faults, [Fault::BrokerKilled]);
        let request = parsed("--fault relay_killed --fault relay_frozen").expect("two");
        assert_eq!(request.faults, [Fault::RelayKilled, Fault::RelayFrozen]);
    }

    #[test]
    fn an_unknown_fault_is_refused_with_all_names() {
        let error = parsed("--fault flood").expect_err("there is none").to_string();
        assert!(error.contains("broker_killed"), "{error}");
        assert!(parsed("--seed x").is_err());
        assert!(parsed("--bus carrier-pigeon").is_err());
    }
}
