//! The folder and the ports of one throw-away server: its data, its log, and what it listens on.
//! The folder goes when the value goes.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::outcome::Outcome;

const LOG_LINES_SHOWN: usize = 30;

/// Below the ports that systems give to outgoing connections, which would else take ours between
/// the choice and the start of the server.
const PORTS_FIRST: u16 = 20_000;
const BLOCKS: u16 = 1_500;

/// Consecutive, so that the first names the block.
const PORTS_PER_BLOCK: u16 = 8;

/// Leaves the number of the process group before it becomes the server, so that there is no moment
/// in which the server runs and the watchdog cannot know it.
const BECOME_THE_SERVER: &str = r#"echo $$ >"$1" && shift && exec "$@""#;

pub(crate) struct Home {
    folder: PathBuf,
    first_port: u16,
}

impl Home {
    /// The name of the folder reserves the ports: two servers of this machine never share a block,
    /// and whoever else listens there is seen.
    pub(crate) fn create() -> Outcome<Self> {
        let start = somewhere();
        for block in (0..BLOCKS).map(|step| (start + step) % BLOCKS) {
            let first_port = PORTS_FIRST + block * PORTS_PER_BLOCK;
            let folder = std::env::temp_dir().join(format!("idp-server-{first_port}"));
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(cannot_create(&folder, &error)),
            }
            let home = Home { folder, first_port };
            if (0..PORTS_PER_BLOCK).all(|index| is_free(home.port(index))) {
                return Ok(home);
            }
        }
        let last = PORTS_FIRST + BLOCKS * PORTS_PER_BLOCK - 1;
        Err(format!("no {PORTS_PER_BLOCK} ports are free between {PORTS_FIRST} and {last}"))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// One of the reserved ports.
    pub(crate) fn port(&self, index: u16) -> u16 {
        assert!(index < PORTS_PER_BLOCK, "a block has {PORTS_PER_BLOCK} ports, not {index}");
        self.first_port + index
    }

    /// The command of the server itself: in a group of its own (Ctrl-C ends the tests first, and
    /// the servers when they are gone), in the home, without input, writing to the log.
    pub(crate) fn daemon(&self, program: &Path) -> Outcome<Command> {
        let mut command = Command::new("sh");
        command.args(["-c", BECOME_THE_SERVER, "idp-server"]).arg(self.path("group")).arg(program);
        self.equip(&mut command)?;
        command.process_group(0);
        Ok(command)
    }

    /// For a program that prepares the server: in the home, without input, writing to the log.
    pub(crate) fn equip<'c>(&self, command: &'c mut Command) -> Outcome<&'c mut Command> {
        command.current_dir(&self.folder).stdin(Stdio::null());
        Ok(command.stdout(self.log()?).stderr(self.log()?))
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }

    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(self.path("server.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    /// A handle for appending, so that several programs may share the log.
    fn log(&self) -> Outcome<File> {
        let path = self.path("server.log");
        let file = File::options().create(true).append(true).open(&path);
        file.map_err(|error| format!("cannot open {}: {error}", path.display()))
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

/// Anywhere, so that a port rests before it is used again. The keys of a hash map are the randomness
/// of the standard library.
fn somewhere() -> u16 {
    let random = RandomState::new().hash_one(std::process::id());
    u16::try_from(random % u64::from(BLOCKS)).expect("a remainder of a u16 is one")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn cannot_create(folder: &Path, error: &std::io::Error) -> String {
    format!("cannot create {}: {error}; set TMPDIR to a writable folder", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_homes_share_neither_folder_nor_ports() {
        let (one, other) = (Home::create().expect("free"), Home::create().expect("free"));
        assert_ne!(one.folder(), other.folder());
        assert!(one.port(0).abs_diff(other.port(0)) >= PORTS_PER_BLOCK);
    }

    #[test]
    fn a_home_leaves_nothing_behind() {
        let home = Home::create().expect("free");
        let folder = home.folder().to_owned();
        home.write("data", "1").expect("the folder is ours");
        drop(home);
        assert!(!folder.exists());
    }

    #[test]
    fn the_end_of_the_log_is_what_was_written_last() {
        let home = Home::create().expect("free");
        let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        home.write("server.log", &lines.join("\n")).expect("the folder is ours");
        let end = home.end_of_log();
        assert_eq!(end.lines().count(), LOG_LINES_SHOWN);
        assert_eq!(end.lines().last(), Some("99"));
    }
}
