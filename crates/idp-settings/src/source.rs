//! Hands out settings and remembers everything that is wrong with them.

use crate::environment::Environment;
use crate::settings_file::SettingsFile;
use crate::{Bound, Given, Origin, Setting, SettingsError, SettingsFault, similar};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

/// A file and the environment, which wins.
///
/// A faulty value is replaced by a placeholder while the rest is read, so that
/// [`Source::finish`] can tell all faults at once: use nothing before it has succeeded.
pub struct Source {
    file: SettingsFile,
    environment: Environment,
    asked: BTreeSet<String>,
    faults: Vec<SettingsFault>,
}

impl Source {
    /// Reads the file, if there is to be one, and the variables whose names begin with the prefix
    /// and two underscores. Pass `std::env::vars_os()`. A file that cannot be read is a fault.
    pub fn load<K: Into<OsString>, V: Into<OsString>>(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (K, V)>,
        prefix: &str,
    ) -> Self {
        let (file, faults) = file.map(SettingsFile::load).unwrap_or_default();
        let environment = Environment::of(variables, prefix);
        Self { file, environment, asked: BTreeSet::new(), faults }
    }

    /// The value of the key, or the default when it is set nowhere. Keys are lower case, with dots
    /// between sections: `server.port` is `PREFIX__SERVER__PORT` in the environment.
    pub fn get<T: Setting>(&mut self, key: &str, bound: impl Bound<T>, default: T) -> T {
        self.find(key, bound).unwrap_or(default)
    }

    /// The value of the key; it is a fault when it is set nowhere.
    pub fn require<T: Setting>(&mut self, key: &str, bound: impl Bound<T>) -> T {
        if self.given(key).is_none() {
            self.asked.insert(key.to_owned());
            let origin = Origin::Nowhere { variable: self.environment.variable_of(key) };
            self.fault(key, format!("expected {}, got nothing", expected(&bound)), origin);
        }
        self.find(key, bound).unwrap_or_default()
    }

    /// The value of the key, if it is set somewhere.
    #[expect(clippy::needless_pass_by_value, reason = "a bound reads best as a literal")]
    pub fn find<T: Setting>(&mut self, key: &str, bound: impl Bound<T>) -> Option<T> {
        self.asked.insert(key.to_owned());
        let (given, origin) = self.given(key)?;
        let value = T::read(&given).filter(|value| bound.admits(value));
        if value.is_none() {
            let shown = if T::IS_SECRET { "another value".to_owned() } else { given.words() };
            self.fault(key, format!("expected {}, got {shown}", expected(&bound)), origin);
        }
        value
    }

    /// Records a fault that concerns a key, such as one that only shows together with others.
    pub fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let nowhere = || Origin::Nowhere { variable: self.environment.variable_of(key) };
        let origin = self.given(key).map_or_else(nowhere, |(_, origin)| origin);
        self.fault(key, message.into(), origin);
    }

    /// Fails when anything was wrong, or set and never asked for.
    pub fn finish(mut self) -> Result<(), SettingsError> {
        let of_file = self.file.keys().filter(|key| !self.asked.contains(*key));
        let of_file = of_file.filter_map(|key| Some((key.clone(), self.file.get(key)?.1)));
        let known: BTreeSet<String> =
            self.asked.iter().map(|key| self.environment.variable_of(key)).collect();
        let of_environment = self.environment.names().filter(|name| !known.contains(*name));
        let of_environment = of_environment
            .map(|name| (self.environment.key_of(name), Origin::Variable(name.clone())));
        let unknown: Vec<_> = of_file.chain(of_environment).collect();
        for (key, origin) in unknown {
            let message = match similar::nearest(&key, &self.asked) {
                Some(nearest) => format!("there is no such setting; did you mean {nearest}?"),
                None => "there is no such setting".to_owned(),
            };
            self.fault(&key, message, origin);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(SettingsError { faults: self.faults }) }
    }

    fn given(&self, key: &str) -> Option<(Given, Origin)> {
        let variable = self.environment.variable_of(key);
        match self.environment.get(&variable) {
            Some(Ok(text)) => Some((Given::Variable(text.to_owned()), Origin::Variable(variable))),
            Some(Err(())) => {
                let given = Given::Other("what is not UTF-8".to_owned());
                Some((given, Origin::Variable(variable)))
            }
            None => self.file.get(key).map(|(given, origin)| (given.clone(), origin)),
        }
    }

    fn fault(&mut self, key: &str, message: String, origin: Origin) {
        self.faults.push(SettingsFault { key: key.to_owned(), message, origin });
    }
}

fn expected<T: Setting>(bound: &impl Bound<T>) -> String {
    format!("{} {}", T::EXPECTED, bound.words()).trim_end().to_owned()
}
