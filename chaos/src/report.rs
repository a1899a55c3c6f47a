//! What a run prints: each fault and how all recovered from it, and each promise with its verdict.

use crate::check::{Finding, Record};
use crate::journal::{Line, Mark};
use crate::nemesis::{Fault, Seen};
use idp_domain::Uuid;
use idp_testkit::Entry;
use std::collections::{HashMap, HashSet};
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

/// Prints one line for each fault and each promise.
pub(crate) fn print(record: &Record, seen: &[Seen], findings: &[Finding]) {
    print_faults(seen, &again(&record.plain.lines));
    println!();
    let tried: HashSet<&str> = seen.iter().map(|seen| seen.fault.name()).collect();
    for (letter, text, needs) in PROMISES.into_iter().chain([NUMBERS]) {
        let against: Vec<_> = findings.iter().filter(|finding| finding.promise == letter).collect();
        let verdict = match needs {
            _ if !against.is_empty() => format!("BROKEN {} times", against.len()),
            Some(fault) if !tried.contains(fault.name()) => "not tried".to_owned(),
            _ => "kept".to_owned(),
        };
        println!("{letter:8} {text:80} {verdict}");
        against.iter().take(FINDINGS_SHOWN).for_each(|finding| println!("         {finding}"));
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
