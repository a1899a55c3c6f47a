//! What was fetched once and is used by all runs: a folder in the cache of the user, there as a
//! whole or not at all.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::patience::Patience;
use super::server::POLL_INTERVAL;
use crate::outcome::Outcome;
use crate::{process, workspace};

/// The folder of this name. If there is none, `fill` fills another one, which gets the name when it
/// is whole and on disk; of several runs that want it, one fills and the others wait.
pub(crate) fn folder(
    name: &str,
    patience: &Patience,
    fill: impl FnOnce(&Path) -> Outcome,
) -> Outcome<PathBuf> {
    folder_in(&root(), name, patience, fill)
}

fn folder_in(
    root: &Path,
    name: &str,
    patience: &Patience,
    fill: impl FnOnce(&Path) -> Outcome,
) -> Outcome<PathBuf> {
    let folder = root.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let failed = |error: std::io::Error| format!("cannot write to {}: {error}", root.display());
    let _alone = lock_in(root, name, patience)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let part = root.join(format!("{name}.part"));
    if part.exists() {
        fs::remove_dir_all(&part).map_err(failed)?;
    }
    fs::create_dir(&part).map_err(failed)?;
    fill(&part)?;
    process::succeeds(&mut Command::new("sync"));
    fs::rename(&part, &folder).map_err(failed)?;
    Ok(folder)
}

/// Held by one thread of one process at a time, as long as the value lives. The system takes it away
/// from a process that ends, however it ends.
pub(crate) fn lock(name: &str, patience: &Patience) -> Outcome<File> {
    lock_in(&root(), name, patience)
}

fn lock_in(root: &Path, name: &str, patience: &Patience) -> Outcome<File> {
    let path = root.join(format!("{name}.lock"));
    let failed = |error: std::io::Error| format!("cannot lock {}: {error}", path.display());
    fs::create_dir_all(root).map_err(failed)?;
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(POLL_INTERVAL),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        patience.check()?;
    }
}

/// By the rules of the XDG base directories; without a home, in `target`.
fn root() -> PathBuf {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from);
    let given = named("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    let cache = given.or_else(|| named("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(|| workspace::root().join("target")).join("idp-servers")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Scratch(std::env::temp_dir().join(format!("idp-cache-{name}-{}", std::process::id())))
        }

        fn folder(&self, fill: impl FnOnce(&Path) -> Outcome) -> Outcome<PathBuf> {
            folder_in(&self.0, "thing-1.0", &Patience::default(), fill)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn write(folder: &Path, text: &str) -> Outcome {
        fs::write(folder.join("file"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_there_is_not_fetched_again() {
        let scratch = Scratch::new("again");
        let first = scratch.folder(|part| write(part, "1")).expect("it can be written");
        let second = scratch.folder(|_| Err("fetched again".to_owned())).expect("it is there");
        assert_eq!(first, second);
        assert_eq!(fs::read_to_string(second.join("file")).expect("it was written"), "1");
    }

    #[test]
    fn what_was_fetched_by_half_is_never_taken_for_a_whole() {
        let scratch = Scratch::new("half");
        let cut = scratch.folder(|part| write(part, "ha").and(Err("the network is gone".into())));
        assert_eq!(cut.expect_err("it failed"), "the network is gone");
        let whole = scratch.folder(|part| {
            assert!(!part.join("file").exists(), "the half is still there");
            write(part, "whole")
        });
        let file = whole.expect("it can be written").join("file");
        assert_eq!(fs::read_to_string(file).expect("it was written"), "whole");
    }

    #[test]
    fn of_two_that_want_it_one_fetches_it() {
        let scratch = Scratch::new("two");
        let times = std::sync::atomic::AtomicU32::new(0);
        let fetch = || {
            scratch.folder(|part| {
                times.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                write(part, "1")
            })
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..4).map(|_| scope.spawn(fetch)).collect();
            others.into_iter().for_each(|other| {
                other.join().expect("it does not panic").expect("it can be written");
            });
        });
        assert_eq!(times.into_inner(), 1);
    }
}
