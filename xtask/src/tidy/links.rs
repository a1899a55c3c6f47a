//! Relative links in the documents lead to files that exist.

use super::Project;
use super::fault::Fault;

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    let documents = project.tree.paths().filter(|path| is_document(path));
    documents.flat_map(|path| document(project, path)).collect()
}

/// Those at the root, of the crates and under docs/.
fn is_document(path: &str) -> bool {
    let is_checked =
        path.starts_with("docs/") || path.ends_with("/README.md") || !path.contains('/');
    path.ends_with(".md") && is_checked
}

fn document(project: &Project, path: &str) -> Vec<Fault> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut faults = Vec::new();
    for (line, target) in links(project.tree.text(path).unwrap_or_default()) {
        let exists = resolve(folder, target).is_some_and(|file| project.tree.contains(&file));
        if !exists {
            faults.push(Fault::at(
                path,
                line,
                format!("the link to `{target}` leads nowhere: mend or remove it"),
            ));
        }
    }
    faults
}

/// Targets inside the project with their lines; code is skipped.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let targets = inline_targets(line).chain(reference_target(line));
            found.extend(targets.filter_map(local).map(|target| (number + 1, target)));
        }
    }
    found
}

/// Every `](target)` outside of inline code.
fn inline_targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, _)| {
        let is_code = line[..at].matches('`').count() % 2 == 1;
        let rest = &line[at + 2..];
        let target = &rest[..rest.find([')', ' '])?];
        (!is_code).then_some(target)
    })
}

/// The target of `[name]: target`.
fn reference_target(line: &str) -> Option<&str> {
    let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
    if name.contains(']') { None } else { target.split_whitespace().next() }
}

/// Without its anchor; nothing for links to elsewhere and within the document.
fn local(target: &str) -> Option<&str> {
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    let file = target.split('#').next().unwrap_or_default();
    (!is_elsewhere && !file.is_empty()).then_some(file)
}

/// The path from the root; nothing if it leaves the project.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(text: &str) -> usize {
        super::check(&Project::of([
            ("docs/guide/start.md", text),
            ("docs/glossary.md", ""),
            ("README.md", ""),
        ]))
        .len()
    }

    #[test]
    fn links_to_files_folders_anchors_and_the_web_are_fine() {
        assert_eq!(
            faults("[a](../glossary.md#lane) [b](../../README.md) [c](#here) [d](https://x.org/y)"),
            0
        );
        assert_eq!(faults("[a](..) [b](../../docs/)\n\n[c]: ../glossary.md"), 0);
    }

    #[test]
    fn a_link_to_a_missing_file_is_refused() {
        assert_eq!(faults("[a](glossary.md) and [b](../gone.md \"title\")"), 2);
        assert_eq!(faults("[a]: gone.md"), 1);
        assert_eq!(faults("[out](../../../elsewhere.md)"), 1);
    }

    #[test]
    fn code_is_not_a_link() {
        assert_eq!(faults("`x[0](gone)`\n```\n[a](gone)\n```"), 0);
    }
}
