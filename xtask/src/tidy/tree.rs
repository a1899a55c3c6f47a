//! The files of the project as git sees them: what is committed or would be.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::source::SourceFile;
use crate::outcome::Outcome;
use crate::process;

/// Where our Rust code is.
const CODE_FOLDERS: [&str; 5] = ["crates/", "apps/", "bench/", "examples/", "xtask/"];

/// Paths are relative to the root, with `/`.
#[derive(Default)]
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
    sources: Vec<SourceFile>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Outcome<Self> {
        let mut git = Command::new("git");
        git.current_dir(root);
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listing = process::capture(&mut git)
            .map_err(|error| format!("tidy reads the files that git knows: {error}"))?;
        let paths = listing.split('\0').filter(|path| root.join(path).is_file());
        Ok(Self::of(paths.map(|path| (path, text(&root.join(path))))))
    }

    pub(crate) fn of<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let texts: BTreeMap<String, String> =
            files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
        let code = texts.iter().filter(|(path, _)| is_code(path));
        let mut sources: Vec<SourceFile> =
            code.map(|(path, text)| SourceFile::new(path, text)).collect();
        mark_test_modules(&mut sources);
        Tree { texts, sources }
    }

    /// Rust files, but not those that are wrong on purpose: the inputs of compile-fail tests.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &SourceFile> {
        self.sources.iter()
    }

    pub(crate) fn source(&self, path: &str) -> Option<&SourceFile> {
        self.sources.iter().find(|source| source.path == path)
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// As a file or as a folder of files; the root is the empty path.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.paths().any(|known| known == path || known.starts_with(&folder))
    }
}

fn is_code(path: &str) -> bool {
    let is_ours = CODE_FOLDERS.iter().any(|folder| path.starts_with(folder));
    is_ours
        && path.ends_with(".rs")
        && !path.contains("/tests/ui/")
        && !path.contains("/generated/")
}

/// Files that are declared by `#[cfg(test)] mod name;` are test code though they do not say so
/// themselves.
fn mark_test_modules(sources: &mut [SourceFile]) {
    let files: Vec<String> = sources.iter().flat_map(SourceFile::files_of_test_modules).collect();
    for source in sources.iter_mut().filter(|source| files.contains(&source.path)) {
        source.become_test();
    }
}

/// Files that are not text have no lines to check.
fn text(path: &Path) -> String {
    std::fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
