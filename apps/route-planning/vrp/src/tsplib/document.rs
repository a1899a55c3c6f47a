//! A TSPLIB file split into its keys and its sections, in whichever order they come.

use crate::line::{Line, Source};
use crate::parse_error::ParseError;
use std::collections::BTreeMap;

/// The sections that a file may have. Others (time windows, backhauls, fixed edges) would change
/// what a route is.
const SECTIONS: [&str; 5] = [
    "NODE_COORD_SECTION",
    "DEMAND_SECTION",
    "DEPOT_SECTION",
    "EDGE_WEIGHT_SECTION",
    "DISPLAY_DATA_SECTION",
];

/// The keys with their values, and the sections with their rows, each with its line.
pub(super) struct Document<'a> {
    keys: BTreeMap<&'a str, (Line<'a>, &'a str)>,
    sections: BTreeMap<&'a str, Section<'a>>,
    end: Line<'a>,
}

/// A section: the line that names it, and its rows.
pub(super) struct Section<'a> {
    head: Line<'a>,
    pub(super) rows: Vec<Line<'a>>,
}

/// `KEY : value`, with or without blanks around the colon.
pub(super) fn key(line: Line<'_>) -> Option<(&str, &str)> {
    line.text.split_once(':').map(|(key, value)| (key.trim(), value.trim()))
}

/// The name of the section that `line` opens, if it does. A colon after it is tolerated.
pub(super) fn section(line: Line<'_>) -> Option<&str> {
    let name = line.text.trim_end_matches(':').trim_end();
    name.ends_with("_SECTION").then_some(name)
}

impl<'a> Document<'a> {
    /// Splits the text up to `EOF`. Fails if a key or a section is given twice, and where a line is
    /// neither a key nor within a section.
    pub(super) fn read(source: Source<'a>) -> Result<Self, ParseError> {
        let mut document =
            Document { keys: BTreeMap::new(), sections: BTreeMap::new(), end: source.end() };
        let mut open: Option<&'a str> = None;
        for line in source.lines().take_while(|line| line.text != "EOF") {
            if let Some(name) = section(line) {
                document.open(name, line)?;
                open = Some(name);
            } else if let Some((key, value)) = key(line) {
                document.add(key, value, line)?;
                open = None;
            } else if let Some(section) = open.and_then(|name| document.sections.get_mut(name)) {
                section.rows.push(line);
            } else {
                return Err(line.expected("`KEY : value` or the name of a section", line.text));
            }
        }
        Ok(document)
    }

    /// The value of `key` and its line, if the file has it.
    pub(super) fn find(&self, key: &str) -> Option<(Line<'a>, &'a str)> {
        self.keys.get(key).copied()
    }

    /// The value of `key` and its line; fails when it is missing or empty.
    pub(super) fn get(&self, key: &str) -> Result<(Line<'a>, &'a str), ParseError> {
        match self.find(key) {
            Some((line, "")) => Err(line.expected(&format!("a value of {key}"), "")),
            Some(found) => Ok(found),
            None => {
                Err(self.end.error(format!("expected `{key} : value`, found none in the file")))
            }
        }
    }

    /// The section `name`, if the file has it.
    pub(super) fn find_section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.get(name)
    }

    /// The section `name`; fails when it is missing.
    pub(super) fn get_section(&self, name: &str) -> Result<&Section<'a>, ParseError> {
        self.find_section(name).ok_or_else(|| {
            self.end.error(format!("expected the section {name}, found none in the file"))
        })
    }

    fn open(&mut self, name: &'a str, line: Line<'a>) -> Result<(), ParseError> {
        if !SECTIONS.contains(&name) {
            return Err(line.expected(&format!("one of {}", SECTIONS.join(", ")), name));
        }
        match self.sections.insert(name, Section { head: line, rows: Vec::new() }) {
            Some(first) => Err(given_twice(line, name, first.head)),
            None => Ok(()),
        }
    }

    fn add(&mut self, key: &'a str, value: &'a str, line: Line<'a>) -> Result<(), ParseError> {
        match self.keys.insert(key, (line, value)) {
            // Comments are free text; real files have several.
            Some((first, _)) if key != "COMMENT" => Err(given_twice(line, key, first)),
            _ => Ok(()),
        }
    }
}

impl<'a> Section<'a> {
    /// Where to report what the section lacks: its last row, or its name if it has none.
    pub(super) fn end(&self) -> Line<'a> {
        self.rows.last().copied().unwrap_or(self.head)
    }

    /// All words of the section with their lines, for lists that ignore the ends of lines.
    pub(super) fn words(&self) -> impl Iterator<Item = (Line<'a>, &'a str)> {
        self.rows.iter().flat_map(|line| line.words().map(|word| (*line, word)))
    }
}

fn given_twice(line: Line<'_>, what: &str, first: Line<'_>) -> ParseError {
    line.error(format!(
        "expected one {what}, found a second (the first is on line {})",
        first.number
    ))
}
