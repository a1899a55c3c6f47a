//! Every Rust file opens with `//!`: one sentence on its job.

use super::Project;
use super::fault::Fault;

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let headless = project.tree.sources().filter(|source| !source.text.starts_with("//!"));
    headless
        .map(|source| {
            Fault::at(&source.path, 1, "open the file with `//!` and its job in one sentence")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    #[test]
    fn a_file_without_a_sentence_on_its_job_is_refused() {
        let project = Project::of([
            ("crates/a/src/lane.rs", "//! Lanes.\n"),
            ("crates/a/src/lease.rs", "use std::fmt;\n"),
            ("crates/a/tests/ui/wrong.rs", "fn main() {}\n"),
        ]);
        assert_eq!(super::check(&project).len(), 1);
    }
}
