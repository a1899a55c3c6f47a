//! The program in processes of its own, as an operator starts and stops them.

use crate::program::{data, program};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} names no server: run `cargo xtask test`, which starts one")
    })
}

/// `serve --dev` or `relay`, in a process of its own that ends with this.
pub(crate) struct Process(tokio::process::Child);

impl Process {
    pub(crate) fn start(folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = tokio::process::Command::from(program(folder));
        command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::null());
        Self(command.kill_on_drop(true).spawn().expect("the program runs"))
    }

    /// SIGTERM, as an operator would.
    pub(crate) async fn stop(mut self) {
        let process = self.0.id().expect("it runs").to_string();
        let kill = std::process::Command::new("kill").args(["-TERM", &process]).status();
        assert!(kill.expect("kill runs").success());
        let ended = timeout(PATIENCE, self.0.wait()).await.expect("it ends");
        assert!(ended.expect("it can be waited for").success());
    }
}

/// Stores the plans of an instance of `data`.
pub(crate) fn import(
    folder: &TempDir,
    variables: &[(&str, &str)],
    instance: &str,
    solution: &str,
    tenant: &str,
) {
    let mut import = program(folder);
    import.args(["import", &data(instance), &data(solution), "--tenant", tenant]);
    let done = import.envs(variables.iter().copied()).output().expect("the program runs");
    assert!(done.status.success(), "{done:?}");
}
