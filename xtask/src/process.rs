//! Runs the programs that a command needs; an error names the program and what it was asked to do.

use std::io;
use std::process::{Command, Stdio};

use crate::interrupt::Running;
use crate::outcome::Outcome;
use crate::workspace;

/// The cargo that started us, in the root of the workspace.
pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root()).args(args);
    command
}

/// Runs with the terminal's input and output, and succeeds only if the program does.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = Running::spawn(command)?.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status}); its output is above", describe(command)))
    }
}

/// Runs silently and gives what the program printed.
pub(crate) fn capture(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` failed: {}", describe(command), complaint.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the program starts and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Sends a signal to a process, or with a negative target to a process group. The shell's own
/// `kill`, because the standard library can only kill, and only a child. A target that is gone
/// already is no error.
pub(crate) fn signal(name: &str, target: i64) {
    succeeds(
        Command::new("sh")
            .args(["-c", "kill -s \"$1\" -- \"$2\"", "signal", name])
            .arg(target.to_string()),
    );
}

pub(crate) fn cannot_start(command: &Command, error: &io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    format!("cannot start `{program}`: {error}; install it or put it on PATH")
}

/// The command as one would type it, without the path of the program.
pub(crate) fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
