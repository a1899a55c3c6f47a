//! Cut and mangled files never panic, and every refusal names a line that the text has.

use crate::real::{ALL, AUGERAT, File, ORTEC, Real, SOLOMON};
use route_planning_vrp::{Instance, ParseError, Solution, plan};

/// Words that break parsers.
const WORDS: [&str; 14] = [
    "",
    "-1",
    "0",
    "1",
    "NaN",
    "inf",
    "-1e308",
    "1e9",
    "4294967295",
    "99999999999999999999",
    "é",
    ":",
    "_SECTION",
    "EOF",
];

#[track_caller]
fn assert_located(error: &ParseError, file: &str, text: &str) {
    let lines = 1..=text.lines().count().max(1);
    assert!(lines.contains(&error.line()), "{error}");
    assert!(error.to_string().starts_with(&format!("{file}:{}: ", error.line())), "{error}");
}

/// Reads `text` as an instance; `plans` also drives what was read.
fn try_instance(file: File, text: &str, plans: bool) {
    match Instance::parse(file.name, text) {
        Err(error) => assert_located(&error, file.name, text),
        // A plan may be refused: a mangled customer may well be out of reach.
        Ok(instance) if plans => drop(plan(&instance, None)),
        Ok(_) => {}
    }
}

fn try_solution(file: File, text: &str, instance: &Instance) {
    if let Err(error) = Solution::parse(file.name, text, instance) {
        assert_located(&error, file.name, text);
    }
}

fn read(real: Real) -> Instance {
    Instance::parse(real.instance.name, real.instance.text).unwrap()
}

/// `text` cut at every `step`-th character boundary.
fn cuts(text: &str, step: usize) -> impl Iterator<Item = &str> {
    (0..=text.len()).step_by(step).filter_map(|end| text.get(..end))
}

/// `text` with every `step`-th word replaced by each of [`WORDS`], in turn.
fn mangled(text: &str, step: usize) -> impl Iterator<Item = String> {
    let start = text.as_ptr() as usize;
    let words = text.split_whitespace().step_by(step);
    let spans = words.map(move |word| (word.as_ptr() as usize - start, word.len()));
    spans.flat_map(move |(at, length)| {
        let (before, after) = (&text[..at], &text[at + length..]);
        WORDS.iter().map(move |word| format!("{before}{word}{after}"))
    })
}

/// `text` with every `step`-th line dropped, doubled, or swapped with the next.
fn shuffled(text: &str, step: usize) -> impl Iterator<Item = String> {
    let lines = text.lines().collect::<Vec<_>>();
    (0..lines.len()).step_by(step).flat_map(move |at| {
        let (mut dropped, mut doubled, mut swapped) = (lines.clone(), lines.clone(), lines.clone());
        dropped.remove(at);
        doubled.insert(at, lines[at]);
        swapped.swap(at, (at + 1) % lines.len());
        [dropped, doubled, swapped].map(|lines| lines.join("\n"))
    })
}

#[test]
fn a_cut_instance_never_panics() {
    for (real, step) in [(ORTEC, 1_009), (AUGERAT, 1), (SOLOMON, 1)] {
        for text in cuts(real.instance.text, step) {
            try_instance(real.instance, text, false);
        }
    }
}

#[test]
fn an_instance_with_a_mangled_word_never_panics() {
    for (real, step, plans) in [(ORTEC, 5_003, false), (AUGERAT, 1, true), (SOLOMON, 1, false)] {
        for text in mangled(real.instance.text, step) {
            try_instance(real.instance, &text, plans);
        }
    }
    for text in mangled(SOLOMON.instance.text, 13) {
        try_instance(SOLOMON.instance, &text, true);
    }
}

#[test]
fn an_instance_with_shuffled_lines_never_panics() {
    for (real, step) in [(ORTEC, 37), (AUGERAT, 1), (SOLOMON, 1)] {
        for text in shuffled(real.instance.text, step) {
            try_instance(real.instance, &text, false);
        }
    }
}

#[test]
fn a_cut_or_mangled_solution_never_panics() {
    for real in ALL {
        let (instance, text) = (read(real), real.solution.text);
        let owned = cuts(text, 1).map(str::to_owned);
        for text in owned.chain(mangled(text, 1)).chain(shuffled(text, 1)) {
            try_solution(real.solution, &text, &instance);
        }
    }
}

#[test]
fn a_solution_of_another_instance_is_refused_at_a_line() {
    for instance in ALL {
        for solution in ALL {
            try_solution(solution.solution, solution.solution.text, &read(instance));
            try_solution(instance.instance, instance.instance.text, &read(solution));
            try_instance(solution.solution, solution.solution.text, false);
        }
    }
}

#[test]
fn extreme_but_lawful_numbers_do_not_overflow() {
    let text = "NAME: far\nTYPE: CVRP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nCAPACITY: 4294967295\n\
        NODE_COORD_SECTION\n1 -1e9 -1e9\n2 1e9 1e9\n3 1e9 1e9\n4 1e9 -1e9\n\
        DEMAND_SECTION\n1 0\n2 4294967295\n3 4294967295\n4 4294967295\nDEPOT_SECTION\n1\n-1\n";
    let instance = Instance::parse("far.vrp", text).unwrap();
    assert_eq!(plan(&instance, None).unwrap().len(), 3);
    let error = Solution::parse("far.sol", "Route #1: 1 2 3\nCost 1", &instance).unwrap_err();
    let wanted = "far.sol:1: route 1 has load 12884901885, over the capacity 4294967295";
    assert_eq!(error.to_string(), wanted);
}
