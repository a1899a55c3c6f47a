//! Whoever silences a lint or skips a test says why.

use super::Project;
use super::fault::Fault;
use super::items::{attributes, words};
use super::source::SourceFile;

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    project.tree.sources().flat_map(file).collect()
}

fn file(source: &SourceFile) -> Vec<Fault> {
    attributes(&source.code)
        .into_iter()
        .filter_map(|range| {
            let advice = missing_reason(&source.code[range.clone()])?;
            Some(Fault::at(&source.path, source.line_of(range.start), advice))
        })
        .collect()
}

/// What to write instead, if the attribute owes a reason.
fn missing_reason(attribute: &str) -> Option<&'static str> {
    let has = |word| words(attribute, word).next().is_some();
    let silences =
        ["allow", "expect"].iter().any(|word| has(word) && attribute.contains(&format!("{word}(")));
    let name = attribute.trim_start_matches(['#', '!', '[']).trim_start();
    if silences && !has("reason") {
        Some("say why: `#[allow(lint, reason = \"...\")]`, or mend what the lint points at")
    } else if name.starts_with("ignore") && !attribute.contains('=') {
        Some("say why: `#[ignore = \"...\"]`, or let the test run")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(text: &str) -> usize {
        super::check(&Project::of([("crates/a/src/a.rs", text)])).len()
    }

    #[test]
    fn silence_with_a_reason_is_fine() {
        assert_eq!(
            faults(
                "#![allow(clippy::x, reason = \"y\")]\n#[ignore = \"needs z\"]\n#[test]\nfn a() {}"
            ),
            0
        );
        assert_eq!(faults("#[allow(\n    clippy::x,\n    reason = \"y\"\n)]\nfn a() {}"), 0);
    }

    #[test]
    fn silence_without_a_reason_is_refused() {
        assert_eq!(faults("#[allow(dead_code)]\nfn a() {}"), 1);
        assert_eq!(faults("#[cfg_attr(x, expect(dead_code))]\nfn a() {}"), 1);
        assert_eq!(faults("#[test]\n#[ignore]\nfn a() {}"), 1);
    }

    #[test]
    fn a_reason_in_a_comment_does_not_count() {
        assert_eq!(faults("#[allow(dead_code /* reason = */)]\nfn a() {}"), 1);
    }
}
