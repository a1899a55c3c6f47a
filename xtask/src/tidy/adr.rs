//! Every decision record is in the index of decisions.

use super::Project;
use super::fault::Fault;

const FOLDER: &str = "docs/adr/";
const INDEX: &str = "docs/adr/README.md";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let index = project.tree.text(INDEX).unwrap_or_default();
    let records = project.tree.paths().filter_map(|path| {
        let name = path.strip_prefix(FOLDER)?;
        is_record(name).then_some((path, name))
    });
    records
        .filter(|(_, name)| !index.contains(name))
        .map(|(path, name)| Fault::new(path, format!("list it in {INDEX} with a link to {name}")))
        .collect()
}

/// `NNNN-title.md`.
fn is_record(name: &str) -> bool {
    let number = name.split('-').next().unwrap_or_default();
    number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) && name.ends_with(".md")
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    #[test]
    fn a_record_outside_the_index_is_refused() {
        let project = Project::of([
            ("docs/adr/README.md", "[1](0001-log.md)\n"),
            ("docs/adr/0001-log.md", "# Log\n"),
            ("docs/adr/0002-ticks.md", "# Ticks\n"),
            ("docs/adr/template.md", "# Title\n"),
        ]);
        let faults = super::check(&project);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().contains("0002-ticks.md"));
    }
}
