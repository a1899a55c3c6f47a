//! The settings file: TOML, flattened to keys such as `server.port`.

use crate::{Given, Origin, SettingsFault};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The values of a file, each with its line.
#[derive(Default)]
pub(crate) struct SettingsFile {
    path: PathBuf,
    values: BTreeMap<String, (Given, usize)>,
}

impl SettingsFile {
    /// Reads the file. What cannot be read is left out and told in the faults.
    pub(crate) fn load(path: &Path) -> (Self, Vec<SettingsFault>) {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) => {
                let origin = Origin::File { path: path.to_owned(), line: 0 };
                let message = format!("the file cannot be read: {error}");
                let fault = SettingsFault { key: String::new(), message, origin };
                (Self { path: path.to_owned(), ..Self::default() }, vec![fault])
            }
        }
    }

    /// The messages of the parser are taken without the line that they quote, for a secret may
    /// stand there.
    pub(crate) fn parse(path: &Path, text: &str) -> (Self, Vec<SettingsFault>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        file.flatten("", table.get_ref(), text);
        let faults = errors.iter().map(|error| SettingsFault {
            key: String::new(),
            message: format!("the file is not TOML: {}", error.message()),
            origin: file.at(error.span().map_or(0, |span| line_of(text, span.start))),
        });
        let faults = faults.collect();
        (file, faults)
    }

    pub(crate) fn get(&self, key: &str) -> Option<(&Given, Origin)> {
        self.values.get(key).map(|(given, line)| (given, self.at(*line)))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    fn at(&self, line: usize) -> Origin {
        Origin::File { path: self.path.clone(), line }
    }

    fn flatten(&mut self, prefix: &str, table: &DeTable<'_>, text: &str) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) => self.flatten(&format!("{key}."), inner, text),
                other => {
                    let line = line_of(text, name.span().start);
                    self.values.insert(key, (given(other), line));
                }
            }
        }
    }
}

fn given(value: &DeValue<'_>) -> Given {
    let other = || Given::Other(format!("a {}", value.type_str()));
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| other(), Given::Integer),
        DeValue::Float(number) => number.as_str().parse().map_or_else(|_| other(), Given::Float),
        DeValue::Boolean(value) => Given::Bool(*value),
        DeValue::Array(items) => {
            Given::List(items.iter().map(|item| given(item.get_ref())).collect())
        }
        DeValue::Datetime(_) | DeValue::Table(_) => other(),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
