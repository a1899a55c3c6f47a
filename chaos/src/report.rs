//! What a run prints: each fault and how all recovered from it, and each promise with its verdict.

use crate::check::{Finding, Record};
use crate::journal::{Line, Mark};
use crate::nemesis::{Fault, Seen};
use idp_domain::Uuid;
use idp_testkit::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

/// How many findings against one promise are shown.
const FINDINGS_SHOWN: usize = 10;

/// Each promise, and the fault without which nothing is shown about it.
const PROMISES: [(&str, &str, Option<Fault>); 9] = [
    ("a", "what was committed is in the log, and arrived at every target", None),
    ("b", "nothing else arrived", None),
    ("c", "first deliveries of an aggregate came in the order of its versions", None),
    ("d", "arrived again only what faults explain; stored as often as the bus declares", None),
    ("g", "no version of an aggregate was committed twice", None),
    ("i", "a refused event held up its key alone, and is on record", None),
    ("j", "a long transaction delayed its own events alone", Some(Fault::LongTransaction)),
    ("l", "all recovered without a restart, within the bound", None),
    ("m", "graceful stops made no duplicates", Some(Fault::GracefulStops)),
];
/// Beside the letters.
const NUMBERS: (&str, &str, Option<Fault>) =
    ("numbers", "an event kept its number, and no two shared one", None);

/// What a run shows about a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Kept,
    /// So many times.
    Broken(usize),
    /// What shows it was not done.
    NotTried,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("kept"),
            Self::Broken(times) => write!(f, "BROKEN {times} times"),
            Self::NotTried => f.write_str("not tried"),
        }
    }
}

/// The letter of each promise, what it says, and what the run shows about it.
pub(crate) fn verdicts(
    seen: &[Seen],
    findings: &[Finding],
) -> Vec<(&'static str, &'static str, Verdict)> {
    let verdict = |letter: &str, needs: Option<Fault>| {
        let against = findings.iter().filter(|finding| finding.promise == letter).count();
        match needs {
            _ if against > 0 => Verdict::Broken(against),
            Some(needed) if !seen.iter().any(|seen| seen.fault == needed) => Verdict::NotTried,
            _ => Verdict::Kept,
        }
    };
    let promises = PROMISES.into_iter().chain([NUMBERS]);
    promises.map(|(letter, text, needs)| (letter, text, verdict(letter, needs))).collect()
}

/// Prints one line for each fault and each promise.
pub(crate) fn print(record: &Record, seen: &[Seen], findings: &[Finding]) {
    print_faults(seen, &again(&record.plain.lines));
    println!();
    for (letter, text, verdict) in verdicts(seen, findings) {
        println!("{letter:8} {text:80} {verdict}");
        let against = findings.iter().filter(|finding| finding.promise == letter);
        against.take(FINDINGS_SHOWN).for_each(|finding| println!("         {finding}"));
    }
    println!();
}

fn print_faults(seen: &[Seen], again: &HashMap<&str, usize>) {
    println!(
        "{:24} {:>5} {:>9} {:>16} {:>14}",
        "fault", "times", "longest", "slowest recovery", "arrived again"
    );
    for fault in Fault::ALL {
        let of: Vec<_> = seen.iter().filter(|seen| seen.fault == fault).collect();
        let longest = |time: fn(&Seen) -> Duration| {
            of.iter().map(|seen| time(seen).as_secs_f32()).fold(0.0, f32::max)
        };
        if of.is_empty() {
            continue;
        }
        let stuck: usize = of.iter().map(|seen| seen.left).sum();
        println!(
            "{:24} {:5} {:7.1} s {:14.1} s {:14}{}",
            fault.name(),
            of.len(),
            longest(|seen| seen.lasted),
            longest(|seen| seen.recovered),
            again.get(fault.name()).copied().unwrap_or_default(),
            if stuck == 0 { String::new() } else { format!("  STUCK with {stuck} events") },
        );
    }
}

/// How many messages arrived again at the plain bus, from the beginning of a fault to that of the next.
fn again(lines: &[Line]) -> HashMap<&str, usize> {
    let mut known: HashSet<Uuid> = HashSet::new();
    let mut again = HashMap::new();
    let mut fault = "";
    for line in lines {
        match line {
            Line::Mark { mark: Mark::Began { fault: begun } } => fault = begun,
            Line::Entry(Entry::Delivery(delivery)) if !known.insert(delivery.event) => {
                *again.entry(fault).or_default() += 1;
            }
            _ => {}
        }
    }
    again
}
