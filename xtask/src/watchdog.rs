//! Ends what we started when nobody else can: a killed `xtask` runs no guard, but its end of a pipe
//! closes all the same.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::outcome::Outcome;
use crate::process;

/// The watchdogs read one line if all is well, and nothing if we were killed. A target is a process
/// id, or minus a group id. It cannot mean somebody else by then: its process was our child until
/// now, and only we could have buried it.
const FUNCTIONS: &str = r#"
end() {
    kill -s "$1" -- "$2"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -s 0 -- "$2" || return
        sleep 0.5
    done
    kill -s KILL -- "$2"
}
read -r _ && exit
"#;

const END_PROGRAM: &str = r#"end TERM "$1""#;

const END_SERVER: &str = r#"
group=$(cat "$1/group" 2>/dev/null) && [ -n "$group" ] && end "$2" "-$group"
rm -rf -- "$1"
"#;

pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    pub(crate) fn over_program(target: i64) -> Outcome<Self> {
        Self::start(END_PROGRAM, |shell| shell.arg(target.to_string()))
    }

    /// The folder holds the number of the server's process group in the file `group`, and goes.
    pub(crate) fn over_server(folder: &Path, stop_signal: &str) -> Outcome<Self> {
        Self::start(END_SERVER, |shell| shell.arg(folder).arg(stop_signal))
    }

    /// In a group of its own, so that what kills our group does not kill it too.
    fn start(end: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> Outcome<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{FUNCTIONS}{end}"), "xtask-watchdog"]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = with(&mut command).spawn();
        let shell = shell.map_err(|error| process::cannot_start(&command, &error))?;
        Ok(Watchdog { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut input) = self.shell.stdin.take() {
            drop(input.write_all(b"\n"));
        }
        drop(self.shell.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if we were killed: the pipe closes without a word. The system would bury the child then.
    fn kill_us(mut watchdog: Watchdog, child: &mut Child) {
        drop(watchdog.shell.stdin.take());
        assert!(!child.wait().expect("it is a child").success(), "it slept on");
        watchdog.shell.wait().expect("it is a child");
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").process_group(0).spawn().expect("sleep is everywhere")
    }

    #[test]
    fn a_program_does_not_outlive_a_killed_xtask() {
        let mut program = sleeper();
        let watchdog = Watchdog::over_program(i64::from(program.id()));
        kill_us(watchdog.expect("there is a shell"), &mut program);
    }

    #[test]
    fn a_server_and_its_folder_do_not_outlive_a_killed_xtask() {
        let folder = std::env::temp_dir().join(format!("xtask-watchdog-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("the temp dir is writable");
        let mut server = sleeper();
        std::fs::write(folder.join("group"), format!("{}\n", server.id())).expect("it is ours");
        let watchdog = Watchdog::over_server(&folder, "KILL");
        kill_us(watchdog.expect("there is a shell"), &mut server);
        assert!(!folder.exists());
    }

    #[test]
    fn a_watchdog_that_is_let_go_does_nothing() {
        let mut program = sleeper();
        drop(Watchdog::over_program(i64::from(program.id())).expect("there is a shell"));
        assert!(matches!(program.try_wait(), Ok(None)), "the program was ended");
        program.kill().expect("it runs");
        program.wait().expect("it is a child");
    }
}
