//! The program in processes of its own, as an operator starts and stops them.

use crate::program::{data, program};
use std::process::{Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} names no server: run `cargo xtask test`, which starts one")
    })
}

/// `serve --dev` or `relay`, in a process of its own that ends with this.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program(folder);
        command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::null());
        Self(command.kill_on_drop(true).spawn().expect("the program runs"))
    }

    /// One whose standard output is read.
    pub(crate) fn telling(folder: &TempDir, arguments: &[&str]) -> (Self, ChildStdout) {
        let mut command = program(folder);
        command.args(arguments).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("the program runs");
        let stdout = process.stdout.take().expect("it is piped");
        (Self(process), stdout)
    }

    /// SIGTERM, as an operator would.
    pub(crate) async fn stop(mut self) {
        terminate(&self.0);
        let ended = timeout(PATIENCE, self.0.wait()).await.expect("it ends");
        assert!(ended.expect("it can be waited for").success());
    }
}

fn terminate(process: &Child) {
    let process = process.id().expect("it runs").to_string();
    let kill = std::process::Command::new("kill").args(["-TERM", &process]).status();
    assert!(kill.expect("kill runs").success());
}

/// A command that was typed. It ends with this.
pub(crate) struct Running {
    process: Child,
    typed: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = command.kill_on_drop(true).spawn().expect("the program runs");
        Self { process, typed: format!("{:?}", command.as_std()) }
    }

    pub(crate) fn terminate(&self) {
        terminate(&self.process);
    }

    /// What it told until it ended, with that on its standard input.
    pub(crate) async fn ended(mut self, input: &str) -> Output {
        let ending = async {
            // It need not read it.
            let mut stdin = self.process.stdin.take().expect("it is piped");
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            self.process.wait_with_output().await
        };
        let ended = timeout(PATIENCE, ending).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {}", self.typed)).expect("it is a child")
    }
}

/// Stores the plans of an instance of `data`.
pub(crate) async fn import(
    folder: &TempDir,
    variables: &[(&str, &str)],
    instance: &str,
    solution: &str,
    tenant: &str,
) {
    let mut import = program(folder);
    import.args(["import", &data(instance), &data(solution), "--tenant", tenant]);
    import.envs(variables.iter().copied());
    let done = Running::start(import).ended("").await;
    assert!(done.status.success(), "{done:?}");
}
