//! A newcomer sees at the root what the project agreed on, and nothing else.

use std::collections::BTreeSet;

use super::Project;
use super::fault::Fault;

const DOCUMENTS: [&str; 5] =
    ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"];
const FOLDERS: [&str; 9] =
    ["apps", "bench", "chaos", "crates", "deploy", "docs", "examples", "interop", "xtask"];

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let entries: BTreeSet<&str> =
        project.tree.paths().map(|path| path.split('/').next().unwrap_or(path)).collect();
    let strange = entries.iter().filter(|entry| !is_agreed(entry)).map(|entry| {
        Fault::new(
            *entry,
            "not in the agreed listing of the root: move it to docs/, xtask/ or where it belongs",
        )
    });
    let missing = DOCUMENTS.iter().filter(|document| !entries.contains(*document));
    strange
        .chain(
            missing.map(|document| Fault::new(*document, "the root needs this document: write it")),
        )
        .collect()
}

fn is_agreed(entry: &str) -> bool {
    let is_configuration =
        entry.starts_with('.') || entry.ends_with(".toml") || entry == "Cargo.lock";
    is_configuration
        || entry.starts_with("LICENSE-")
        || DOCUMENTS.contains(&entry)
        || FOLDERS.contains(&entry)
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    const AGREED: [(&str, &str); 9] = [
        (".ci/run", ""),
        ("ARCHITECTURE.md", ""),
        ("CHANGELOG.md", ""),
        ("CONTRIBUTING.md", ""),
        ("Cargo.lock", ""),
        ("LICENSE-MIT", ""),
        ("README.md", ""),
        ("SECURITY.md", ""),
        ("crates/a/src/lib.rs", ""),
    ];

    #[test]
    fn the_agreed_listing_is_fine() {
        assert!(super::check(&Project::of(AGREED)).is_empty());
    }

    #[test]
    fn strangers_and_missing_documents_are_named() {
        let stranger =
            super::check(&Project::of(AGREED.into_iter().chain([("scripts/run.sh", "")])));
        assert_eq!(stranger.len(), 1);
        assert!(stranger[0].to_string().starts_with("scripts"));
        let missing =
            super::check(&Project::of(AGREED.into_iter().filter(|(path, _)| *path != "README.md")));
        assert!(missing[0].to_string().starts_with("README.md"));
    }
}
