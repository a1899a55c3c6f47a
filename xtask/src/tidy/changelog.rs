//! The changelog has a place for the next line.

use super::Project;
use super::fault::Fault;

const FILE: &str = "CHANGELOG.md";
const SECTION: &str = "## Unreleased";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let has_section = project
        .tree
        .text(FILE)
        .is_some_and(|text| text.lines().any(|line| line.trim_end() == SECTION));
    let advice = format!("add a section `{SECTION}` at the top");
    if has_section { Vec::new() } else { vec![Fault::new(FILE, advice)] }
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    #[test]
    fn a_changelog_without_the_section_is_refused() {
        let faults = |text: &str| super::check(&Project::of([("CHANGELOG.md", text)])).len();
        assert_eq!(faults("# Changelog\n\n## Unreleased\n"), 0);
        assert_eq!(faults("# Changelog\n\n## 0.1.0\n"), 1);
        assert_eq!(super::check(&Project::default()).len(), 1);
    }
}
