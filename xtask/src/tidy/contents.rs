//! `lib.rs` is a table of contents: crate docs, modules in reading order, a curated `pub use`, and
//! no code.

use super::Project;
use super::fault::Fault;
use super::items::{depth_at, functions};
use super::source::SourceFile;

const LINES_MAX: usize = 120;

/// The compiler wants the entry points of procedural macros in `lib.rs`.
const MACROS: &str = "crates/idp-macros/src/lib.rs";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let tables = project.tree.sources().filter(|source| is_lib(&source.path));
    tables.flat_map(|source| too_long(source).into_iter().chain(code(source))).collect()
}

fn is_lib(path: &str) -> bool {
    path.starts_with("crates/") && path.ends_with("/src/lib.rs")
}

fn too_long(source: &SourceFile) -> Option<Fault> {
    let lines = source.text.lines().count();
    let advice =
        format!("{lines} lines, {LINES_MAX} at most: move docs to README.md and code to modules");
    (lines > LINES_MAX).then(|| Fault::new(&source.path, advice))
}

fn code(source: &SourceFile) -> Vec<Fault> {
    if source.path == MACROS {
        return Vec::new();
    }
    let production = source.production();
    let functions = functions(&production).into_iter();
    let at_top = functions.filter(|function| depth_at(&production, function.range.start) == 0);
    at_top
        .map(|function| {
            let advice =
                format!("move fn {} to a module: lib.rs is a table of contents", function.name);
            Fault::at(&source.path, source.line_of(function.range.start), advice)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(path: &'static str, text: &str) -> usize {
        super::check(&Project::of([(path, text)])).len()
    }

    #[test]
    fn functions_belong_into_modules() {
        assert_eq!(faults("crates/a/src/lib.rs", "//! A.\nmod b;\npub fn c() {}"), 1);
        assert_eq!(
            faults("crates/a/src/lib.rs", "//! A.\nmacro_rules! m { () => { fn c() {} } }"),
            0
        );
        assert_eq!(faults("crates/idp-macros/src/lib.rs", "//! A.\npub fn c() {}"), 0);
    }

    #[test]
    fn a_long_table_of_contents_is_refused() {
        assert_eq!(faults("crates/a/src/lib.rs", &"\n".repeat(121)), 1);
    }
}
