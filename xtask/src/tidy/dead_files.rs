//! No file lies beside the code unused: a module file is declared by its parent.

use super::Project;
use super::fault::Fault;
use super::items::{word_at, words};
use super::source::SourceFile;

/// Cargo finds these without a declaration.
const TARGETS: [&str; 3] = ["lib.rs", "main.rs", "build.rs"];

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let declared: Vec<String> = project.tree.sources().flat_map(declared_files).collect();
    let modules = project.tree.sources().filter(|source| is_module(&source.path));
    let dead = modules.filter(|source| !declared.contains(&source.path));
    dead.map(|source| Fault::new(&source.path, "no `mod` declares this file: declare or delete it"))
        .collect()
}

fn is_module(path: &str) -> bool {
    let Some((_, inside)) = path.split_once("/src/") else { return false };
    !inside.starts_with("bin/") && !TARGETS.contains(&inside)
}

fn declared_files(source: &SourceFile) -> Vec<String> {
    let names = words(&source.code, "mod").filter_map(|at| {
        let rest = source.code[at + "mod".len()..].trim_start();
        let name = word_at(rest, 0);
        rest[name.len()..].trim_start().starts_with(';').then_some(name)
    });
    names.flat_map(|name| source.files_of_module(name)).collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    #[test]
    fn a_file_that_nobody_declares_is_refused() {
        let project = Project::of([
            ("crates/a/src/lib.rs", "//! A.\nmod lane;\nmod inline { }\n"),
            ("crates/a/src/lane.rs", "//! Lanes.\npub(crate) mod lease;\n"),
            ("crates/a/src/lane/lease.rs", "//! Leases.\n"),
            ("crates/a/src/lease.rs", "//! Forgotten.\n"),
            ("crates/a/tests/lane.rs", "//! Tests.\n"),
        ]);
        let faults = super::check(&project);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().starts_with("crates/a/src/lease.rs"));
    }
}
