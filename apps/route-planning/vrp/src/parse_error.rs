//! The error of reading a file: which file, which line, and what was expected there.

use std::error::Error;
use std::fmt;

/// Why a file was refused, displayed as `C101.txt:14: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    file: String,
    line: usize,
    problem: String,
}

impl ParseError {
    pub(crate) fn new(file: &str, line: usize, problem: String) -> Self {
        ParseError { file: file.to_owned(), line, problem }
    }

    /// The file as it was named to the parser.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line at fault, counted from 1. For what is missing altogether it is the last line.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What was expected, and what was found instead.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

impl Error for ParseError {}
