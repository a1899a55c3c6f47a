//! The folder of one throw-away server: its data and its log. It goes when the value goes.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::account::Account;
use crate::outcome::Outcome;

const LOG_LINES_SHOWN: usize = 20;

pub(crate) struct Home {
    folder: PathBuf,
}

impl Home {
    /// The port makes the name unique among the servers of this moment; an older folder of that
    /// name is refused.
    pub(crate) fn create(port: u16, account: &Account) -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("idp-pg-{}-{port}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
            format!("cannot create {}: {error}; set TMPDIR to a writable folder", folder.display())
        })?;
        let home = Home { folder };
        account.own(&home.folder)?;
        Ok(home)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A handle for appending, so that several programs may share the log.
    pub(crate) fn log(&self) -> Outcome<File> {
        let path = self.folder.join("server.log");
        let file = File::options().create(true).append(true).open(&path);
        file.map_err(|error| format!("cannot open {}: {error}", path.display()))
    }

    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(self.folder.join("server.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                eprintln!("xtask: cannot remove {}: {error}", self.folder.display());
            }
            _ => {}
        }
    }
}
