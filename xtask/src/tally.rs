//! The sum of passed and failed tests over all test binaries, read from the `test result:` lines of
//! their output.

use std::fmt;

use crate::outcome::Outcome;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds the line if it is the result of a test binary.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let Some((_, counts)) = result.split_once(". ") else { return };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// A test binary that died without a result (a crash, an abort) counts as one failure.
    pub(crate) fn add_crash(&mut self) {
        self.failed += 1;
    }

    pub(crate) fn has_failures(&self) -> bool {
        self.failed > 0
    }

    /// Zero tests are a failure too: a filter that matches nothing proves nothing.
    pub(crate) fn verdict(&self) -> Outcome {
        match self {
            Tally { failed: 1.., .. } => Err("tests failed; what they printed is above".to_owned()),
            Tally { passed: 0, .. } => Err("no test ran; check the filter".to_owned()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; finished in 0.10s";
    const FAILED: &str = "test result: FAILED. 4 passed; 2 failed; 0 ignored; finished in 1.00s";

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn results_of_all_binaries_are_summed() {
        assert_eq!(
            tally(&["running 3 tests", PASSED, "", FAILED]).to_string(),
            "7 passed, 2 failed"
        );
    }

    #[test]
    fn other_lines_do_not_count() {
        assert_eq!(
            tally(&["test a ... ok", "  test result: ok. 3 passed; 0 failed;"]),
            Tally::default()
        );
    }

    #[test]
    fn a_failure_no_test_at_all_and_a_crash_are_refused() {
        assert!(tally(&[PASSED]).verdict().is_ok());
        assert!(tally(&[PASSED, FAILED]).verdict().is_err());
        assert!(tally(&[]).verdict().expect_err("no test").contains("no test ran"));
        let mut crashed = tally(&[PASSED]);
        crashed.add_crash();
        assert!(crashed.verdict().is_err());
    }
}
