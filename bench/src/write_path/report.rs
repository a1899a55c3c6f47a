//! The results as Markdown.

use super::aims::{AIMS, Aim};
use super::place::Place;
use super::results::{Key, Results};
use super::workload::UseCase;
use super::{TASKS, UNIT_OF_WORK, USE_CASES};
use std::fmt::{self, Write};

/// The whole report, as it stands in docs/benchmarks.md.
pub(crate) fn markdown(
    facts: &[(&'static str, String)],
    places: &[Box<dyn Place>],
    results: &Results,
) -> Result<String, fmt::Error> {
    let mut text = String::from("| | |\n|---|---|\n");
    for (name, value) in facts {
        writeln!(text, "| {name} | {value} |")?;
    }
    aims(&mut text, results)?;
    for place in places {
        for use_case in USE_CASES {
            cells(&mut text, &**place, use_case, results)?;
        }
    }
    Ok(text)
}

fn aims(text: &mut String, results: &Results) -> fmt::Result {
    writeln!(text, "\n### Aims\n")?;
    writeln!(
        text,
        "| use case | where | beside | aim | measured at 1 / 8 / 32 tasks | (b) reaches | |"
    )?;
    writeln!(text, "|---|---|---|---:|---:|---:|---|")?;
    for aim in &AIMS {
        let reached = aim.reached_by(UNIT_OF_WORK, results);
        if reached.is_empty() {
            continue;
        }
        let limit = aim.limit.map(|limit| ratios(&aim.reached_by(limit, results)));
        writeln!(
            text,
            "| {} | {} | {} | {:.1} | {} | {} | {} |",
            aim.use_case.name(),
            aim.place,
            aim.beside,
            aim.ratio_min,
            ratios(&reached),
            limit.unwrap_or_default(),
            verdict(aim, &reached),
        )?;
    }
    Ok(())
}

fn ratios(reached: &[(usize, f64)]) -> String {
    let ratios: Vec<String> = reached.iter().map(|(_, ratio)| format!("{ratio:.2}")).collect();
    ratios.join(" / ")
}

fn verdict(aim: &Aim, reached: &[(usize, f64)]) -> String {
    let missed = reached.iter().filter(|(_, ratio)| *ratio < aim.ratio_min);
    let missed: Vec<String> = missed.map(|(tasks, _)| tasks.to_string()).collect();
    if missed.is_empty() { "met".into() } else { format!("missed at {}", missed.join(", ")) }
}

fn cells(
    text: &mut String,
    place: &dyn Place,
    use_case: UseCase,
    results: &Results,
) -> fmt::Result {
    let key = |tasks, contender| Key { place: place.title(), use_case, tasks, contender };
    let keys = TASKS
        .iter()
        .flat_map(|tasks| place.contenders().iter().map(move |contender| key(*tasks, contender)));
    let measured: Vec<Key> = keys.filter(|key| !results.samples(*key).is_empty()).collect();
    if measured.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n### {}, {}\n", use_case.name(), place.title())?;
    writeln!(
        text,
        "| tasks | | operations/s | idp is that many times as fast (lowest to highest round) | p50 ms | \
         p99 ms | client CPU µs | server CPU µs |"
    )?;
    writeln!(text, "|---:|---|---:|---:|---:|---:|---:|---:|")?;
    measured.into_iter().try_for_each(|key| row(text, key, results))
}

fn row(text: &mut String, key: Key, results: &Results) -> fmt::Result {
    let unit_of_work = Key { contender: UNIT_OF_WORK, ..key };
    let ratio = match results.ratio(unit_of_work, key.contender) {
        Some(ratio) if key != unit_of_work => {
            format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.lowest, ratio.highest)
        }
        _ => String::new(),
    };
    let server_cpu = results.median(key, |sample| sample.server_cpu);
    let server_cpu = if server_cpu.is_nan() { "–".into() } else { format!("{server_cpu:.0}") };
    writeln!(
        text,
        "| {} | {} | {:.0} | {ratio} | {:.2} | {:.2} | {:.0} | {server_cpu} |",
        key.tasks,
        key.contender,
        results.median(key, |sample| sample.rate),
        results.median(key, |sample| sample.p50),
        results.median(key, |sample| sample.p99),
        results.median(key, |sample| sample.client_cpu),
    )
}
