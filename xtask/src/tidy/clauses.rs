//! Every clause of a contract is run: the clauses of a conformance file and the lists that its
//! macro expands are the same.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Project;
use super::fault::Fault;
use super::items::{Function, closing, depth_at, functions, word_at, words};
use super::lexer::is_word;
use super::source::SourceFile;

const FOLDER: &str = "crates/idp-conformance/src/";
const LIST_NAME: &str = "clauses";
const LIST: &str = "clauses!";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    project.tree.sources().filter(|source| source.path.starts_with(FOLDER)).flat_map(file).collect()
}

/// Names and where they stand. Files without a list have no clauses.
fn file(source: &SourceFile) -> Vec<Fault> {
    let code = source.production();
    let listed: BTreeMap<&str, usize> = lists(&code).flat_map(|list| listed(&code, list)).collect();
    if lists(&code).next().is_none() {
        return Vec::new();
    }
    let written = written(&code);
    let fault = |at: usize, advice: String| Fault::at(&source.path, source.line_of(at), advice);
    let unlisted = written.iter().filter(|(name, _)| !listed.contains_key(*name));
    let unwritten = listed.iter().filter(|(name, _)| !written.contains_key(*name));
    unlisted
        .map(|(name, at)| fault(*at, format!("`{name}` is never run: add it to `{LIST}` here")))
        .chain(unwritten.map(|(name, at)| {
            fault(*at, format!("`{LIST}` lists `{name}`: write `pub async fn {name}<...>` here"))
        }))
        .collect()
}

/// Generic over the implementation under test, public and async: that is a clause.
fn written(code: &str) -> BTreeMap<&str, usize> {
    let is_clause = |function: &Function<'_>| {
        let (before, rest) = (&code[..function.range.start], &code[function.range.clone()]);
        let after_name = rest["fn".len()..].trim_start().strip_prefix(function.name);
        before.trim_end().ends_with("pub async")
            && depth_at(code, function.range.start) == 0
            && after_name.is_some_and(|rest| rest.starts_with('<'))
    };
    let clauses = functions(code).into_iter().filter(is_clause);
    clauses.map(|clause| (clause.name, clause.range.start)).collect()
}

/// The insides of every `clauses! { ... }`.
fn lists(code: &str) -> impl Iterator<Item = Range<usize>> {
    let calls = words(code, LIST_NAME).filter(|at| code[*at..].starts_with(LIST));
    calls.filter_map(|at| {
        let rest = code[at + LIST.len()..].trim_start();
        let open = code.len() - rest.len();
        if rest.starts_with('{') { Some(open + 1..closing(code, open)?) } else { None }
    })
}

/// The words of a list that a comma or the end follows.
fn listed(code: &str, list: Range<usize>) -> impl Iterator<Item = (&str, usize)> {
    let (start, body) = (list.start, &code[list]);
    let mut at = 0;
    std::iter::from_fn(move || {
        at += body.get(at..)?.bytes().position(is_word)?;
        let word = (word_at(body, at), start + at);
        at += word.0.len();
        Some((word, body[at..].trim_start()))
    })
    .filter(|(_, after)| after.is_empty() || after.starts_with(','))
    .map(|(word, _)| word)
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(text: &str) -> Vec<String> {
        let project = Project::of([("crates/idp-conformance/src/outbox.rs", text)]);
        super::check(&project).iter().map(ToString::to_string).collect()
    }

    /// One clause, and two functions that are none.
    const CLAUSE: &str = "
        pub async fn an_event_is_read_once<H: Harness>(harness: &H) {}
        async fn helper<H>() {}
        pub async fn plain() {}
    ";

    #[test]
    fn the_list_and_the_clauses_agree() {
        assert!(
            faults(&format!("clauses! {{\n    an_event_is_read_once,\n}}\n{CLAUSE}")).is_empty()
        );
        assert!(faults(&format!("clauses! {{ an_event_is_read_once }}\n{CLAUSE}")).is_empty());
    }

    #[test]
    fn a_clause_that_nobody_runs_is_refused() {
        let found = faults(&format!("clauses! {{}}\n{CLAUSE}"));
        assert!(found[0].contains("`an_event_is_read_once` is never run"), "{found:?}");
    }

    #[test]
    fn a_listed_clause_that_nobody_wrote_is_refused() {
        let found = faults(&format!("clauses! {{ an_event_is_read_once, gone, }}\n{CLAUSE}"));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("lists `gone`"), "{found:?}");
    }

    #[test]
    fn a_file_may_have_several_lists() {
        let two = "clauses! { a, }\nclauses! { b, }\npub async fn a<H>() {}\n";
        assert!(faults(two)[0].contains("lists `b`"));
        assert!(faults(&format!("{two}pub async fn b<H>() {{}}")).is_empty());
    }

    #[test]
    fn a_file_without_a_list_has_no_clauses() {
        assert!(faults(CLAUSE).is_empty());
    }
}
