//! The system account that the server runs as: PostgreSQL refuses root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::outcome::Outcome;
use crate::process;

/// In this order; the first exists where the package was installed, the second nearly everywhere.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

pub(crate) enum Account {
    Ours,
    Other { uid: u32, gid: u32 },
}

impl Account {
    pub(crate) fn choose() -> Outcome<Self> {
        if !is_root()? {
            return Ok(Account::Ours);
        }
        CANDIDATES.iter().find_map(|name| Self::named(name).ok()).ok_or_else(|| {
            format!("PostgreSQL refuses to run as root; add one of the accounts {CANDIDATES:?}")
        })
    }

    fn named(name: &str) -> Outcome<Self> {
        Ok(Account::Other { uid: id(&["-u", name])?, gid: id(&["-g", name])? })
    }

    pub(crate) fn run_as<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        match self {
            Account::Ours => command,
            Account::Other { uid, gid } => command.uid(*uid).gid(*gid),
        }
    }

    pub(crate) fn own(&self, path: &Path) -> Outcome {
        match self {
            Account::Ours => Ok(()),
            Account::Other { uid, gid } => chown(path, Some(*uid), Some(*gid))
                .map_err(|error| format!("cannot give {} away: {error}", path.display())),
        }
    }
}

pub(crate) fn is_root() -> Outcome<bool> {
    Ok(id(&["-u"])? == 0)
}

fn id(args: &[&str]) -> Outcome<u32> {
    let printed = process::capture(Command::new("id").args(args))?;
    printed.trim().parse().map_err(|_| format!("`id` printed no number but `{}`", printed.trim()))
}
