//! What failed tests printed, read from the output of their binaries: told again at the end, since a
//! log of thousands of tests is often kept in part only.

use std::fmt;

/// Of each binary so many lines are kept from the beginning, and so many from the end, where the
/// names are.
const HEAD_LINES: usize = 150;
const TAIL_LINES: usize = 50;

#[derive(Debug, Default)]
pub(crate) struct Failures {
    of_binaries: Vec<Vec<String>>,
    /// Where the binary has begun to tell what failed.
    under_way: Option<Vec<String>>,
}

impl Failures {
    pub(crate) fn read(&mut self, line: &str) {
        match &mut self.under_way {
            Some(_) if line.starts_with("test result: ") => self.end_binary(),
            Some(lines) => lines.push(line.to_owned()),
            None if line == "failures:" => self.under_way = Some(Vec::new()),
            None => {}
        }
    }

    /// A binary that died while it told what failed has not said all.
    pub(crate) fn end_binary(&mut self) {
        self.of_binaries.extend(self.under_way.take().map(clipped));
    }
}

fn clipped(mut lines: Vec<String>) -> Vec<String> {
    let left_out = lines.len().saturating_sub(HEAD_LINES + TAIL_LINES);
    if left_out > 0 {
        let told = format!("... {left_out} lines, which are above ...");
        lines.splice(HEAD_LINES..HEAD_LINES + left_out, [told]);
    }
    lines
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of_binaries.iter().try_for_each(|lines| {
            writeln!(f, "== failed tests, once more")?;
            lines.iter().try_for_each(|line| writeln!(f, "{line}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &[&str]) -> String {
        let mut failures = Failures::default();
        output.iter().for_each(|line| failures.read(line));
        failures.end_binary();
        failures.to_string()
    }

    #[test]
    fn what_each_binary_says_of_its_failures_is_told_again() {
        let first = ["test a ... FAILED", "failures:", "---- a stdout ----", "boom", "failures:"];
        let second = ["    a", "test result: FAILED.", "test b ... ok", "failures:", "    c"];
        let expected = "== failed tests, once more\n---- a stdout ----\nboom\nfailures:\n    a\n\
                        == failed tests, once more\n    c\n";
        assert_eq!(told(&[&first[..], &second[..]].concat()), expected);
    }

    #[test]
    fn where_nothing_failed_nothing_is_told() {
        assert_eq!(told(&["test a ... ok", "test result: ok. 1 passed; 0 failed"]), "");
    }

    #[test]
    fn of_a_long_story_the_beginning_and_the_end_are_told() {
        let lines: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        let lines = clipped(lines);
        assert_eq!(lines.len(), HEAD_LINES + 1 + TAIL_LINES);
        assert_eq!(lines[HEAD_LINES - 1], "149");
        assert_eq!(lines[HEAD_LINES], "... 800 lines, which are above ...");
        assert_eq!(lines[HEAD_LINES + 1], "950");
    }
}
