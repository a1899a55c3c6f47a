//! The tables, as they stand in docs/benchmarks.md.

use super::aims::{Verdict, verdicts};
use super::contender::Contender;
use super::fairness::Flood;
use super::followed::Followed;
use super::results::Results;
use super::writers::Beside;

pub(crate) fn facts(facts: &[(&'static str, String)]) {
    println!("| | |\n|---|---|");
    for (name, value) in facts {
        println!("| {name} | {value} |");
    }
}

pub(crate) fn aims(results: &Results, writers: &[Beside]) {
    println!("\n### Aims\n");
    println!("| what | where | aim | measured | |");
    println!("|---|---|---:|---:|---|");
    let beside = writers.iter().filter_map(Beside::verdict);
    for verdict in verdicts(results).into_iter().chain(beside) {
        let met = if verdict.is_met() { "met" } else { "missed" };
        let Verdict { aim, cell, wanted, measured } = verdict;
        println!("| {aim} | {cell} | {wanted} | {measured:.2} | {met} |");
    }
}

pub(crate) fn drains(results: &Results) {
    println!("\n### Drains\n");
    println!(
        "| where | backlog | workers | old transaction | | events/s | idp is that many times as fast | \
         WAL bytes/event | rows replaced/event | dead at the end/event | drained |"
    );
    println!("|---|---:|---:|---|---|---:|---:|---:|---:|---:|---:|");
    for (cell, contender) in results.rows() {
        let ours = (cell, Contender::Ours.title());
        let ratio = results.ratio(ours, (cell, contender)).filter(|_| contender != ours.1);
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let number = |digits: usize, number: f64| match number.is_nan() {
            true => "–".to_owned(),
            false => format!("{number:.digits$}"),
        };
        let of = |value: fn(&super::results::Sample) -> f64| results.median(cell, contender, value);
        let drained = results.of(cell, contender).first().map_or(0, |sample| sample.drained.events);
        let drained = if drained < cell.backlog { drained.to_string() } else { "all".into() };
        println!(
            "| {} | {} | {} | {} | {contender} | {:.0} | {ratio} | {} | {} | {} | {drained} |",
            cell.place,
            cell.backlog,
            cell.workers,
            if cell.is_held { "idle" } else { "–" },
            of(|sample| sample.rate()),
            number(1, of(|sample| sample.per_event(sample.wal))),
            number(2, of(|sample| sample.per_event(sample.replaced))),
            number(2, of(|sample| sample.per_event(sample.dead))),
        );
    }
}

pub(crate) fn writers(writers: &[Beside]) {
    println!("\n### Writers beside a drain\n");
    println!(
        "| writers | beside | commits/s | of those alone | p50 ms | p99 ms | drained meanwhile, events/s |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|");
    for Beside { writers, beside, commits, part, p50, p99, drained } in writers {
        println!(
            "| {writers} | {beside} | {commits:.0} | {part:.2} | {p50:.2} | {p99:.2} | {drained:.0} |"
        );
    }
}

pub(crate) fn floods(floods: &[Flood]) {
    println!("\n### A backlog of one tenant\n");
    println!("| backlog | workers | events/s with fairness | without | with : without |");
    println!("|---:|---:|---:|---:|---:|");
    for Flood { backlog, workers, fair, unfair, ratio } in floods {
        println!("| {backlog} | {workers} | {fair:.0} | {unfair:.0} | {ratio:.2} |");
    }
}

pub(crate) fn followed(followed: &[Followed]) {
    println!("\n### A backlog that another reader kept up with\n");
    println!("| events | windows | bare read, events/s | idp, events/s | idp : bare read |");
    println!("|---:|---:|---:|---:|---:|");
    for Followed { events, windows, bare, ours, ratio } in followed {
        println!("| {events} | {windows} | {bare:.0} | {ours:.0} | {ratio:.2} |");
    }
}
