//! What commands of operators have in common: who does it and why, and which target it is about.

use crate::bootstrap::Core;
use crate::outlet::Outlet;
use crate::settings::Settings;
use clap::Args;
use idp::application::{Actor, BoxError, ReaderStatus};
use idp::prelude::*;

/// Who does it, and why. Every command that changes something says so, and it is kept for good.
#[derive(Clone, Debug, Args)]
pub(crate) struct Signature {
    /// Who does it, for the record
    #[arg(long, value_name = "WHO", value_parser = said)]
    by: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = said)]
    why: String,
}

impl Signature {
    /// Both, as ports take them.
    pub(super) fn parts(&self) -> (Actor, String) {
        (Actor::new(self.by.as_str()), self.why.clone())
    }
}

fn said(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("it must say something") } else { Ok(text.to_owned()) }
}

/// Which target.
#[derive(Clone, Debug, Args)]
pub(crate) struct TargetChoice {
    /// The target: that of the bus that is set, unless another is named
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

impl TargetChoice {
    /// Its name. One that there is not is refused: what is said about a name that is misspelt would be
    /// kept, and have no effect.
    pub(super) async fn find(&self, core: &Core, settings: &Settings) -> Result<String, BoxError> {
        let usual = Outlet::name_of(&settings.relay.bus);
        let name = self.target.as_deref().unwrap_or(usual);
        let targets = targets(core).await?;
        if targets.iter().any(|target| target.name == name) {
            return Ok(name.to_owned());
        }
        let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
        let known = match names.is_empty() {
            true => "none has been started yet".to_owned(),
            false => format!("there is {}", names.join(", ")),
        };
        Err(format!("`--target`: there is no target `{name}`; {known}").into())
    }

    /// That one.
    pub(super) fn named(name: String) -> Self {
        Self { target: Some(name) }
    }
}

/// Every target that was ever started and was not forgotten, by name.
pub(super) async fn targets(core: &Core) -> Result<Vec<ReaderStatus>, Error> {
    let mut readers = core.backend().readers().await?;
    readers.retain(|reader| !Core::reads_for_itself(&reader.name));
    Ok(readers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_why_must_say_something() {
        assert_eq!(said(" ann "), Ok("ann".to_owned()));
        assert!(said("").is_err() && said(" \t").is_err());
    }
}
