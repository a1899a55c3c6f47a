//! The environment variables of one service: `PREFIX__SECTION__KEY`.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// The variables that begin with the prefix, by name.
pub(crate) struct Environment {
    prefix: String,
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    pub(crate) fn of<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        prefix: &str,
    ) -> Self {
        let prefix = format!("{prefix}__");
        let named = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into())));
        let variables = named.filter(|(name, _)| name.starts_with(&prefix)).collect();
        Self { prefix, variables }
    }

    /// The variable that sets the key.
    pub(crate) fn variable_of(&self, key: &str) -> String {
        format!("{}{}", self.prefix, key.replace('.', "__").to_ascii_uppercase())
    }

    /// The key that the variable would set.
    pub(crate) fn key_of(&self, variable: &str) -> String {
        variable[self.prefix.len()..].replace("__", ".").to_ascii_lowercase()
    }

    /// The value of the variable; `Err` when it is not UTF-8.
    pub(crate) fn get(&self, variable: &str) -> Option<Result<&str, ()>> {
        self.variables.get(variable).map(|value| value.to_str().ok_or(()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.variables.keys()
    }
}
