//! The files of an instance on disk.

use super::SolvedInstance;
use idp::application::BoxError;
use std::path::{Path, PathBuf};

/// An instance, and its solution where there is one. Without one, routes are constructed.
#[derive(Clone, Debug)]
pub struct InstanceFiles {
    /// VRPLIB or Solomon's format.
    pub instance: PathBuf,
    /// `Route #k: …` lines and `Cost X`.
    pub solution: Option<PathBuf>,
}

impl InstanceFiles {
    /// Reads and checks the files. The error says which file and, where the text is at fault, which
    /// line and what was expected there.
    pub fn read(&self) -> Result<SolvedInstance, BoxError> {
        let instance = text(&self.instance)?;
        let solution = self.solution.as_deref().map(text).transpose()?;
        SolvedInstance::parse(
            (&name(&self.instance), &instance),
            self.solution.as_deref().map(name).as_deref().zip(solution.as_deref()),
        )
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn text(path: &Path) -> Result<String, BoxError> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}
