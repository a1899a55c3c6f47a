//! Where the server programs of PostgreSQL are on this machine.

use std::path::{Path, PathBuf};

use super::super::packages::{self, Need};
use super::super::patience::Patience;
use crate::outcome::Outcome;

/// Names the folder with the programs, for an unusual place or one of several versions.
const FOLDER_VARIABLE: &str = "IDP_PG_BIN";

/// Debian keeps the servers of all versions here, away from PATH.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

const PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_isready"];

const NEED: Need = Need {
    title: "PostgreSQL",
    package: "postgresql",
    elsewhere: "Fedora: `sudo dnf install postgresql-server`; macOS: `brew install postgresql`; or \
                set IDP_PG_BIN to the folder with initdb and postgres, or IDP_TEST_PG to the URL of \
                a running server",
};

#[derive(Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The named folder, else PATH, else Debian's highest version; installs the package if there is
    /// none.
    pub(crate) fn find_or_install(patience: &Patience) -> Outcome<Self> {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
            return Self::named(PathBuf::from(folder));
        }
        packages::find_or_install(&NEED, patience, Self::find)
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    fn named(folder: PathBuf) -> Outcome<Self> {
        if has_all_programs(&folder) {
            return Ok(Binaries { folder });
        }
        Err(format!(
            "{FOLDER_VARIABLE}={} must hold {PROGRAMS:?}; correct or unset it",
            folder.display()
        ))
    }

    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::env::split_paths(&path).chain(versions_highest_first(Path::new(DEBIAN_VERSIONS)));
        folders
            .into_iter()
            .find(|folder| has_all_programs(folder))
            .map(|folder| Binaries { folder })
    }
}

fn has_all_programs(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).is_file())
}

fn versions_highest_first(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.split('.').next()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let parent = std::env::temp_dir().join(format!("xtask-versions-{}", std::process::id()));
        for version in ["9.6", "15", "17", "doc"] {
            std::fs::create_dir_all(parent.join(version)).expect("the temp dir is writable");
        }
        let found = versions_highest_first(&parent);
        std::fs::remove_dir_all(&parent).expect("it was just created");
        assert_eq!(found, ["17", "15", "9.6"].map(|version| parent.join(version).join("bin")));
    }

    #[test]
    fn a_named_folder_without_the_programs_is_refused() {
        let error = Binaries::named(PathBuf::from("/nowhere")).expect_err("there is nothing there");
        assert!(error.contains("IDP_PG_BIN=/nowhere"), "{error}");
    }
}
