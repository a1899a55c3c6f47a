//! The folder and the ports of a server: its data, its log, and what it listens on.

use super::shell;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const LOG: &str = "server.log";
/// Holds the number of the server's process group while it runs.
pub(super) const GROUP: &str = "group";
const LOG_LINES_SHOWN: usize = 40;

/// Below the ports that systems give to outgoing connections, and to who asks for any. The servers of
/// `cargo xtask servers` share them by the same names of folders.
const PORTS_FIRST: u16 = 20_000;
const BLOCKS: u16 = 1_500;
const PORTS_PER_BLOCK: u16 = 8;

/// Leaves the number of the group before it becomes the server. Without the folder there is no server.
const BECOME_THE_SERVER: &str = r#"echo $$ >"$1" && shift && exec "$@""#;

pub(super) struct Home {
    folder: PathBuf,
    first_port: u16,
}

impl Home {
    /// The name of the folder reserves the ports.
    pub(super) fn create() -> Self {
        let start = somewhere();
        for block in (0..BLOCKS).map(|step| (start + step) % BLOCKS) {
            let first_port = PORTS_FIRST + block * PORTS_PER_BLOCK;
            let folder = std::env::temp_dir().join(format!("idp-server-{first_port}"));
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => panic!("cannot create {}: {error}", folder.display()),
            }
            if (first_port..first_port + PORTS_PER_BLOCK).all(is_free) {
                return Self { folder, first_port };
            }
            fs::remove_dir(&folder).expect("it is empty");
        }
        panic!("no {PORTS_PER_BLOCK} ports are free");
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn port(&self, index: u16) -> u16 {
        assert!(index < PORTS_PER_BLOCK, "a server has {PORTS_PER_BLOCK} ports");
        self.first_port + index
    }

    /// The command of the server itself, in a group of its own.
    pub(super) fn command(&self, program: &OsStr) -> Command {
        let mut command = shell(BECOME_THE_SERVER, self.folder.join(GROUP).as_os_str());
        command.arg(program);
        self.equip(&mut command).process_group(0);
        command
    }

    /// In the folder, without input, with its output in the log.
    pub(super) fn equip<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(self.open_log()).stderr(self.open_log())
    }

    pub(super) fn forget_group(&self) {
        // A server that was killed at once has left none.
        let _ = fs::remove_file(self.folder.join(GROUP));
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    pub(super) fn end_of_log(&self) -> String {
        let log = fs::read(self.log_path()).expect("there is a log");
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    fn open_log(&self) -> File {
        let file = File::options().create(true).append(true).open(self.log_path());
        file.expect("the folder is ours")
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
