//! Every clause of a contract is run: the clauses of a conformance file and the list that its macro expands are the same.

use std::collections::BTreeMap;

use super::Project;
use super::fault::Fault;
use super::items::{closing, depth_at, functions, word_at};
use super::lexer::is_word;
use super::source::SourceFile;

const FOLDER: &str = "crates/idp-conformance/src/";
const LIST: &str = "clauses!";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    project.tree.sources().filter(|source| source.path.starts_with(FOLDER)).flat_map(file).collect()
}

/// Files without a list have no clauses.
fn file(source: &SourceFile) -> Vec<Fault> {
    let code = source.production();
    let Some(listed) = listed(&code) else { return Vec::new() };
    let written = written(&code);
    let unlisted =
        written.iter().filter(|(name, _)| !listed.contains_key(*name)).map(|(name, at)| {
            let advice = format!("clause `{name}` is never run: add it to `{LIST}` in this file");
            Fault::at(&source.path, source.line_of(*at), advice)
        });
    let unwritten =
        listed.iter().filter(|(name, _)| !written.contains_key(*name)).map(|(name, at)| {
            let advice = format!(
                "`{LIST}` lists `{name}`, which is no `pub async fn {name}<...>` of this file"
            );
            Fault::at(&source.path, source.line_of(*at), advice)
        });
    unlisted.chain(unwritten).collect()
}

/// Generic over the implementation under test, public and async: that is a clause.
fn written(code: &str) -> BTreeMap<&str, usize> {
    let functions = functions(code).into_iter().filter(|function| {
        let (before, rest) =
            (code[..function.range.start].trim_end(), &code[function.range.clone()]);
        before.ends_with("pub async")
            && depth_at(code, function.range.start) == 0
            && rest["fn".len()..].trim_start()[function.name.len()..].starts_with('<')
    });
    functions
        .map(|function| {
            let name_at =
                code[function.range.clone()].find(function.name.as_str()).unwrap_or_default();
            let at = function.range.start + name_at;
            (word_at(code, at), at)
        })
        .collect()
}

/// The words in the list that a comma or the end follows. Nothing without a list.
fn listed(code: &str) -> Option<BTreeMap<&str, usize>> {
    let open = code.match_indices(LIST).find_map(|(at, _)| {
        let rest = code[at + LIST.len()..].trim_start();
        rest.starts_with(['{', '(', '[']).then(|| code.len() - rest.len())
    })?;
    let body = &code[open + 1..closing(code, open)?];
    let starts = body.char_indices().filter(|(at, _)| {
        is_word(body.as_bytes()[*at]) && (*at == 0 || !is_word(body.as_bytes()[at - 1]))
    });
    let names = starts.map(|(at, _)| (word_at(body, at), at)).filter(|(name, at)| {
        let after = body[at + name.len()..].trim_start();
        after.is_empty() || after.starts_with(',')
    });
    Some(names.map(|(name, at)| (name, open + 1 + at)).collect())
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(text: &str) -> Vec<String> {
        let project = Project::of([("crates/idp-conformance/src/outbox.rs", text)]);
        super::check(&project).iter().map(ToString::to_string).collect()
    }

    const CLAUSE: &str = "pub async fn an_event_is_read_once<H: Harness>(harness: &H) {}\nasync fn helper<H>() {}\npub async fn plain() {}\n";

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
    fn a_file_without_a_list_has_no_clauses() {
        assert!(faults(CLAUSE).is_empty());
    }
}
