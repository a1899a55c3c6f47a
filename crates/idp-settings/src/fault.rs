//! What is wrong with the settings.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of the file, from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line; 0 when the fault is of the whole file.
        line: usize,
    },
    /// The environment variable of this name.
    Variable(String),
    /// Nowhere: it is missing, and could be set as this variable.
    Nowhere {
        /// The environment variable that would set it.
        variable: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Nowhere { variable } => write!(f, "set it in the file or as {variable}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// The key, such as `server.port`; empty when the fault is of the whole file.
    pub key: String,
    /// What was expected and what was given; a secret is not in it.
    pub message: String,
    /// Where the value came from.
    pub origin: Origin,
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{} ({})", self.key, self.message, self.origin)
    }
}

/// Everything that is wrong, in the order in which it was asked for; then what nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    pub(crate) faults: Vec<SettingsFault>,
}

impl SettingsError {
    /// The faults; there is at least one.
    pub fn faults(&self) -> &[SettingsFault] {
        &self.faults
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("1 setting is wrong:")?,
            count => write!(f, "{count} settings are wrong:")?,
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n- {fault}"))
    }
}

impl std::error::Error for SettingsError {}
