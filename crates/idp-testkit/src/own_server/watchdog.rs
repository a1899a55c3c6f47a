//! Ends a server when nobody else can: a killed test drops nothing, but its end of a pipe closes all
//! the same.

use super::shell;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

/// Reads until the test has gone, or has let go of the server. The file `group` is there while a
/// server is.
const SCRIPT: &str = r#"
read -r _
if group=$(cat "$1/group" 2>/dev/null) && [ -n "$group" ]; then
    kill -s KILL -- "-$group"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -s 0 -- "-$group" || break
        sleep 0.5
    done
fi
rm -rf -- "$1"
"#;

pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// The folder goes in the end.
    pub(super) fn over(folder: &Path) -> Self {
        let mut command = shell(SCRIPT, folder.as_os_str());
        // In a group of its own: what kills the group of the test does not kill it, too.
        command.stdin(Stdio::piped()).process_group(0);
        Self { shell: command.spawn().expect("there is a shell") }
    }

    /// Returns when the folder has gone.
    pub(super) fn let_go(&mut self) {
        drop(self.shell.stdin.take());
        // What fails here is a wait for our own child, which somebody else has buried.
        let _ = self.shell.wait();
    }
}

/// Sends a signal to the group that this process leads. Both may have ended already.
pub(super) fn signal(name: &str, leader: u32) {
    let group = format!("-{leader}");
    let status = shell(r#"kill -s "$2" -- "$1""#, group.as_ref()).arg(name).status();
    status.expect("there is a shell");
}
