//! One Rust file, with what a check may want to leave out of it: comments, literals, tests.

use std::ops::Range;

use super::items::{attributes, item_end, line_of, word_at, words};
use super::lexer::{Masked, blanked, mask};

pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Without comments and literals.
    pub(crate) code: String,
    /// Without comments.
    pub(crate) uncommented: String,
    is_test: bool,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let Masked { code, uncommented } = mask(text);
        let is_test = ["/tests/", "/benches/", "/examples/"].iter().any(|part| path.contains(part))
            || path.starts_with("examples/")
            || path.ends_with("/tests.rs")
            || code.contains("#![cfg(test)]");
        SourceFile { path: path.to_owned(), text: text.to_owned(), code, uncommented, is_test }
    }

    /// What ships: the masked code without its tests; all blank in a test file.
    pub(crate) fn production(&self) -> String {
        self.without_tests(&self.code)
    }

    /// Like [`Self::production`], but with the literals.
    pub(crate) fn production_with_literals(&self) -> String {
        self.without_tests(&self.uncommented)
    }

    pub(crate) fn become_test(&mut self) {
        self.is_test = true;
    }

    /// The paths that `#[cfg(test)] mod name;` in this file may mean.
    pub(crate) fn files_of_test_modules(&self) -> Vec<String> {
        let items = self.test_items().into_iter().map(|range| &self.code[range]);
        let declarations = items.filter(|item| item.ends_with(';'));
        let names = declarations.filter_map(|item| {
            let keyword = words(item, "mod").next()?;
            let rest = item[keyword + "mod".len()..].trim_start();
            Some(word_at(rest, 0))
        });
        names.flat_map(|name| self.files_of_module(name)).collect()
    }

    /// Where the module `name` that this file declares may be.
    pub(crate) fn files_of_module(&self, name: &str) -> [String; 2] {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let children = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            file => format!("{folder}/{}", file.trim_end_matches(".rs")),
        };
        [format!("{children}/{name}.rs"), format!("{children}/{name}/mod.rs")]
    }

    pub(crate) fn line_of(&self, at: usize) -> usize {
        line_of(&self.text, at)
    }

    fn without_tests(&self, text: &str) -> String {
        let all = 0..text.len();
        if self.is_test { blanked(text, &[all]) } else { blanked(text, &self.test_items()) }
    }

    /// Items under `#[cfg(test)]`, with the attribute.
    fn test_items(&self) -> Vec<Range<usize>> {
        let test_only = attributes(&self.code).into_iter().filter(|attribute| {
            let text = &self.code[attribute.clone()];
            text.starts_with("#[cfg(")
                && words(text, "test").next().is_some()
                && !text.contains("not(")
        });
        test_only
            .filter_map(|attribute| Some(attribute.start..item_end(&self.code, attribute.end)? + 1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_code_has_no_tests() {
        let text =
            "fn a() { b() }\n#[cfg(test)]\n#[derive(Debug)]\nmod tests { fn c() {} }\nfn d() {}";
        let production = SourceFile::new("crates/x/src/x.rs", text).production();
        assert!(production.contains("b()") && production.contains("fn d()"));
        assert!(!production.contains("fn c()"));
        assert_eq!(production.lines().count(), 5);
    }

    #[test]
    fn files_under_tests_are_all_tests() {
        let source = SourceFile::new("crates/x/tests/x.rs", "fn a() {}");
        assert_eq!(source.production().trim(), "");
    }

    #[test]
    fn a_test_module_in_another_file_is_known_by_its_declaration() {
        let source = SourceFile::new(
            "crates/x/src/lane.rs",
            "#[cfg(test)]\npub(crate) mod sabotage;\nmod real;",
        );
        let expected = ["crates/x/src/lane/sabotage.rs", "crates/x/src/lane/sabotage/mod.rs"];
        assert_eq!(source.files_of_test_modules(), expected);
    }
}
