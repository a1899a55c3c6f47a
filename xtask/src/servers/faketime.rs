//! A wall clock that can be stepped while a program runs: the library `libfaketime`, loaded in front
//! of the system's, adds what a file says to the time of day. The monotonic clock stays.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::c11_waits::C11Waits;
use super::packages::{self, Need};
use super::patience::Patience;
use crate::outcome::Outcome;

/// Tells the command that runs on our servers what to load before processes of its own.
pub(crate) const VARIABLE: &str = "IDP_FAKETIME";

const NEED: Need = Need {
    title: "libfaketime",
    package: "libfaketime",
    elsewhere: "libfaketimeMT.so.1 under /usr/lib/faketime or /usr/lib/*/faketime",
};

/// The library, if this system can load one so.
pub(crate) fn find_or_install(patience: &Patience) -> Outcome<Option<PathBuf>> {
    if !cfg!(target_os = "linux") {
        eprintln!("clocks are not stepped: libfaketime is loaded by LD_PRELOAD, as on Linux");
        return Ok(None);
    }
    packages::find_or_install(&NEED, patience, || find(Path::new("/usr/lib"))).map(Some)
}

/// What is loaded before a program that may wait by threads of C11.
pub(crate) fn with_waits(library: &Path, waits: &C11Waits) -> String {
    format!("{}:{}", library.display(), waits.library().display())
}

/// Debian has a folder for each architecture.
fn find(libraries: &Path) -> Option<PathBuf> {
    let nested = std::fs::read_dir(libraries).ok()?.flatten().map(|entry| entry.path());
    std::iter::once(libraries.to_owned())
        .chain(nested)
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
}

/// The clock of one server.
pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// It shows the time until it is stepped.
    pub(crate) fn kept_in(file: PathBuf, library: PathBuf) -> Outcome<Self> {
        let clock = Self { library, file };
        clock.set("0")?;
        Ok(clock)
    }

    /// Lets a program go by this clock.
    pub(crate) fn rule(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
    }

    /// Shows the time of the machine and so many seconds more, or less, from a second later on at
    /// the latest.
    pub(crate) fn set(&self, seconds: &str) -> Outcome {
        let seconds: i64 =
            seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?;
        // Whoever reads it meanwhile must not find half of it.
        let whole = self.file.with_extension("new");
        std::fs::write(&whole, format!("{seconds:+}\n"))
            .and_then(|()| std::fs::rename(&whole, &self.file))
            .map_err(|error| format!("cannot write {}: {error}", self.file.display()))
    }
}

/// Removes what the library leaves behind in shared memory of a process that is killed. One that runs
/// on does not miss it.
pub(crate) fn forget(process: u32) {
    for name in ["faketime_shm", "sem.faketime_sem"] {
        drop(std::fs::remove_file(format!("/dev/shm/{name}_{process}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_in_the_folder_of_an_architecture() {
        let folder = std::env::temp_dir().join(format!("idp-faketime-{}", std::process::id()));
        assert_eq!(find(&folder), None);
        let home = folder.join("x86_64-linux-gnu/faketime");
        std::fs::create_dir_all(&home).expect("the temp dir is writable");
        std::fs::write(home.join("libfaketimeMT.so.1"), "").expect("it is ours");
        assert_eq!(find(&folder), Some(home.join("libfaketimeMT.so.1")));
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn a_clock_is_set_by_whole_seconds() {
        let file = std::env::temp_dir().join(format!("idp-clock-{}", std::process::id()));
        let clock = Clock::kept_in(file.clone(), PathBuf::new()).expect("it is ours");
        clock.set("-3600").expect("a number");
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "-3600\n");
        assert!(clock.set("an hour").is_err());
        std::fs::remove_file(file).expect("it is ours");
    }
}
