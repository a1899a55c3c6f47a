//! Files and functions stay short enough to be read in one go.

use super::Project;
use super::fault::Fault;
use super::items::functions;
use super::source::SourceFile;

const FILE_LINES_MAX: usize = 800;
const FILE_LINES_UNEXPLAINED_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const EXPLANATION: &str = "//! Long because";

pub(crate) fn check(project: &Project) -> Vec<Fault> {
    project
        .tree
        .sources()
        .flat_map(|source| file(source).into_iter().chain(long_functions(source)))
        .collect()
}

fn file(source: &SourceFile) -> Option<Fault> {
    let lines = source.text.lines().count();
    let advice = if lines > FILE_LINES_MAX {
        format!("{lines} lines, {FILE_LINES_MAX} at most: split it by concept")
    } else if lines > FILE_LINES_UNEXPLAINED_MAX && !source.text.contains(EXPLANATION) {
        format!("{lines} lines: split it by concept, or explain it with `{EXPLANATION} ...`")
    } else {
        return None;
    };
    Some(Fault::new(&source.path, advice))
}

fn long_functions(source: &SourceFile) -> impl Iterator<Item = Fault> {
    functions(&source.code).into_iter().filter_map(|function| {
        let lines = source.code[function.range.clone()].lines().count();
        (lines > FUNCTION_LINES_MAX).then(|| {
            let advice = format!(
                "fn {} has {lines} lines, {FUNCTION_LINES_MAX} at most: name its parts",
                function.name
            );
            Fault::at(&source.path, source.line_of(function.range.start), advice)
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::tidy::Project;

    fn faults(text: &str) -> usize {
        super::check(&Project::of([("crates/a/src/a.rs", text)])).len()
    }

    #[test]
    fn a_file_over_400_lines_needs_an_explanation() {
        assert_eq!(faults(&"\n".repeat(400)), 0);
        assert_eq!(faults(&"\n".repeat(401)), 1);
        assert_eq!(faults(&format!("//! Long because of the table.{}", "\n".repeat(500))), 0);
    }

    #[test]
    fn no_explanation_saves_a_file_over_800_lines() {
        assert_eq!(faults(&format!("//! Long because I could.{}", "\n".repeat(801))), 1);
    }

    #[test]
    fn a_function_over_70_lines_is_refused() {
        let function = |lines: usize| format!("fn a() {{\n{}}}", "x();\n".repeat(lines - 2));
        assert_eq!(faults(&function(70)), 0);
        assert_eq!(faults(&function(71)), 1);
    }
}
