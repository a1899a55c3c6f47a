//! What every package has: a description, our lints, no unsafe code; and every crate a README.

use super::Project;
use super::fault::Fault;
use crate::workspace::Package;

const NO_UNSAFE: &str = "#![forbid(unsafe_code)]";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let packages = project.workspace.packages.iter();
    packages.flat_map(|package| package_faults(project, package)).collect()
}

fn package_faults(project: &Project, package: &Package) -> Vec<Fault> {
    let (tree, path) = (&project.tree, |file: &str| format!("{}/{file}", package.folder));
    let (manifest, library) = (path("Cargo.toml"), path("src/lib.rs"));
    let mut faults = Vec::new();
    if !package.has_description {
        faults.push(Fault::new(
            &manifest,
            "add `description`: what the package is for, in one sentence",
        ));
    }
    if !tree.text(&manifest).is_some_and(uses_workspace_lints) {
        faults.push(Fault::new(&manifest, "add `[lints]` with `workspace = true`"));
    }
    if tree.source(&library).is_some_and(|source| !source.code.contains(NO_UNSAFE)) {
        faults.push(Fault::new(&library, format!("add `{NO_UNSAFE}`")));
    }
    if package.folder.starts_with("crates/") && !tree.contains(&path("README.md")) {
        faults.push(Fault::new(
            path("README.md"),
            "write it: what the crate is for, and what it refuses to be",
        ));
    }
    faults
}

fn uses_workspace_lints(manifest: &str) -> bool {
    let section = manifest.split("\n[").find(|section| section.starts_with("lints]"));
    section.is_some_and(|section| {
        section.lines().any(|line| line.replace(' ', "") == "workspace=true")
    })
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;
    use crate::tidy::tree::Tree;
    use crate::workspace::{Package, Workspace};

    const MANIFEST: (&str, &str) =
        ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n");
    const LIBRARY: (&str, &str) = ("crates/a/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n");
    const README: (&str, &str) = ("crates/a/README.md", "# a\n");

    fn faults(files: &[(&str, &str)], has_description: bool) -> usize {
        let package = Package {
            name: "a".to_owned(),
            folder: "crates/a".to_owned(),
            has_description,
            ..Package::default()
        };
        let tree = Tree::of(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
        super::check(&Project { tree, workspace: Workspace { packages: vec![package] } }).len()
    }

    #[test]
    fn a_complete_crate_is_fine() {
        assert_eq!(faults(&[MANIFEST, LIBRARY, README], true), 0);
    }

    #[test]
    fn each_missing_part_is_named() {
        assert_eq!(faults(&[MANIFEST, LIBRARY, README], false), 1);
        assert_eq!(faults(&[MANIFEST, LIBRARY], true), 1);
        assert_eq!(faults(&[(MANIFEST.0, "[package]\n"), LIBRARY, README], true), 1);
        assert_eq!(
            faults(&[MANIFEST, (LIBRARY.0, "//! A. `#![forbid(unsafe_code)]`\n"), README], true),
            1
        );
    }
}
