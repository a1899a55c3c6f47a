//! The text of a file as numbered lines that read their own words, so that every error knows where
//! it happened.

use crate::parse_error::ParseError;
use crate::tenths::Tenths;
use std::ops::RangeInclusive;

/// The largest coordinate, either side of zero: distances between such points keep sums far from
/// overflow.
const COORDINATE_MAX: f64 = 1e9;

/// As much of a strange word as an error repeats.
const SHOWN_CHARS_MAX: usize = 40;

/// One file: its name, used in errors only, and its text.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

/// One line without the blanks around it; LF and CRLF both end lines.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    file: &'a str,
    pub(crate) number: usize,
    pub(crate) text: &'a str,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let byte_order_mark = '\u{feff}';
        Source { file, text: text.strip_prefix(byte_order_mark).unwrap_or(text) }
    }

    /// The lines that are not blank.
    pub(crate) fn lines(self) -> impl Iterator<Item = Line<'a>> {
        let numbered = (1..).zip(self.text.lines());
        numbered
            .map(move |(number, text)| Line { file: self.file, number, text: text.trim() })
            .filter(|line| !line.text.is_empty())
    }

    /// Where to report what is missing altogether: the last line, or line 1 of an empty file.
    pub(crate) fn end(self) -> Line<'a> {
        Line { file: self.file, number: self.text.lines().count().max(1), text: "" }
    }
}

impl<'a> Line<'a> {
    pub(crate) fn error(self, problem: impl Into<String>) -> ParseError {
        ParseError::new(self.file, self.number, problem.into())
    }

    /// The error of finding `found` where `expected` should be.
    pub(crate) fn expected(self, expected: &str, found: &str) -> ParseError {
        self.error(format!("expected {expected}, found {}", shown(found)))
    }

    pub(crate) fn words(self) -> impl Iterator<Item = &'a str> {
        self.text.split_whitespace()
    }

    /// Exactly one word for each of `names`.
    pub(crate) fn row<const N: usize>(self, names: [&str; N]) -> Result<[&'a str; N], ParseError> {
        let words = self.words().collect::<Vec<_>>();
        let found = words.len();
        let wanted = names.join(", ");
        words
            .try_into()
            .map_err(|_| self.error(format!("expected {N} numbers ({wanted}), found {found}")))
    }

    /// A whole number within `range`; `100.0` and `1e2` are whole, too.
    pub(crate) fn whole(
        self,
        word: &str,
        what: &str,
        range: RangeInclusive<u32>,
    ) -> Result<u32, ParseError> {
        let number = word.parse::<f64>().ok().filter(|number| number.fract() == 0.0);
        let bounds = f64::from(*range.start())..=f64::from(*range.end());
        number.filter(|number| bounds.contains(number)).map(|number| number as u32).ok_or_else(
            || self.expected(&format!("{what} from {} to {}", range.start(), range.end()), word),
        )
    }

    /// A coordinate; neither NaN nor infinite, nor so far out that distances lose their meaning.
    pub(crate) fn coordinate(self, word: &str, what: &str) -> Result<f64, ParseError> {
        let number = word.parse::<f64>().ok();
        number.filter(|number| number.abs() <= COORDINATE_MAX).ok_or_else(|| {
            self.expected(&format!("a coordinate {what} within a billion of zero"), word)
        })
    }

    /// A number from 0 to a billion with at most one decimal.
    pub(crate) fn tenths(self, word: &str, what: &str) -> Result<Tenths, ParseError> {
        Tenths::read(word).ok_or_else(|| {
            self.expected(&format!("{what} from 0 to a billion with at most one decimal"), word)
        })
    }
}

/// A word for a message: quoted, escaped (it may hold control characters) and clipped.
fn shown(word: &str) -> String {
    if word.is_empty() {
        return "nothing".to_owned();
    }
    let clipped = word.chars().take(SHOWN_CHARS_MAX).collect::<String>();
    let dots = if clipped.len() < word.len() { "…" } else { "" };
    format!("`{}{dots}`", clipped.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line<'_> {
        Source::new("a.vrp", text).lines().next().unwrap()
    }

    #[test]
    fn blank_lines_are_skipped_but_counted() {
        let numbers = Source::new("a.vrp", "\u{feff}a\r\n\r\n \nb\n").lines().map(|l| l.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 4]);
        assert_eq!(Source::new("a.vrp", "").end().number, 1);
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_decimal_or_in_scientific_notation() {
        for word in ["100", "100.0", "1e2", "+1.0E+02"] {
            assert_eq!(line("x").whole(word, "a number", 1..=100), Ok(100));
        }
    }

    #[test]
    fn what_is_no_number_within_bounds_is_refused_with_the_bounds() {
        for word in ["x", "NaN", "inf", "-1", "101", "1.5", "1e99", "1_0"] {
            let error = line("x").whole(word, "a demand", 0..=100).unwrap_err();
            let wanted = format!("a.vrp:1: expected a demand from 0 to 100, found `{word}`");
            assert_eq!(error.to_string(), wanted);
        }
        for word in ["NaN", "inf", "-inf", "1e10", "", "x"] {
            assert!(line("x").coordinate(word, "x").is_err(), "{word}");
        }
    }

    #[test]
    fn a_strange_word_is_escaped_and_clipped() {
        assert_eq!(shown("a\u{1b}[31m"), "`a\\u{1b}[31m`");
        assert_eq!(shown(&"é".repeat(50)), format!("`{}…`", "é".repeat(40)));
        assert_eq!(shown(""), "nothing");
    }
}
