//! Stops the server when nobody else can: a killed `xtask` runs no guard, but its end of a pipe
//! closes all the same.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::home::Home;
use crate::outcome::Outcome;
use crate::process;

/// Waits for the end of its input, then ends the server that the folder names, if it still does,
/// and removes the folder.
const SCRIPT: &str = r#"
cat >/dev/null
postmaster=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) || postmaster=
if [ -n "$postmaster" ]; then
    kill -s QUIT "$postmaster"
    sleep 1
fi
rm -rf -- "$1"
"#;

pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// In a group of its own, so that what kills our group does not kill it too.
    pub(crate) fn over(home: &Home) -> Outcome<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "idp-pg-watchdog"]).arg(home.folder()).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = command.spawn().map_err(|error| process::cannot_start(&command, &error))?;
        Ok(Watchdog { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}
