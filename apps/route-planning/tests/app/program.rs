//! The program as an operator runs it, on an SQLite file.

use crate::process::{PATIENCE, Process, Running};
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_route-planning"));
    command.current_dir(folder.path()).env("ROUTE_PLANNING__SERVER__LISTEN", "127.0.0.1:0");
    command
}

pub(crate) async fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = program(folder);
    command.args(arguments);
    Running::start(command).ended("").await
}

pub(crate) fn data(file: &str) -> String {
    format!("{DATA}/{file}")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn an_import_tells_what_it_stored() {
    let folder = folder();
    let files = [data("ORTEC-n323-k21.vrp"), data("ORTEC-n323-k21.sol")];
    let done = run(&folder, &["import", &files[0], &files[1], "--tenant", "acme"]).await;
    assert!(done.status.success(), "{done:?}");
    let expected = "ORTEC-n323-k21 for tenant acme: 21 plans, 322 stops, cost 214071, as the \
        solution states\n";
    assert_eq!(text(&done.stdout), expected);
    assert_eq!(text(&done.stderr), "", "the progress bar is hidden where there is no terminal");
    let board = run(&folder, &["board", "--tenant", "acme"]).await;
    assert_eq!(text(&board.stdout).lines().count(), 21, "{board:?}");
    let board = run(&folder, &["board", "--tenant", "globex"]).await;
    assert_eq!(text(&board.stdout), "");
}

#[tokio::test]
async fn the_same_import_twice_fails_and_stores_nothing_more() {
    let folder = folder();
    let files = [data("A-n32-k5.vrp"), data("A-n32-k5.sol")];
    let import = ["import", &files[0], &files[1], "--tenant", "acme"];
    assert!(run(&folder, &import).await.status.success());
    let again = run(&folder, &import).await;
    assert_eq!(again.status.code(), Some(1));
    let reason = text(&again.stderr);
    assert!(reason.contains("tenant acme has plans of A-n32-k5 already"), "{reason}");
    let board = run(&folder, &["board", "--tenant", "acme"]).await;
    assert_eq!(text(&board.stdout).lines().count(), 5, "{board:?}");
}

#[tokio::test]
async fn a_damaged_file_fails_with_its_line_and_stores_nothing() {
    let folder = folder();
    let sound = std::fs::read_to_string(data("C101.txt")).expect("readable");
    let line =
        1 + sound.lines().position(|line| line.trim().starts_with("7 ")).expect("customer 7");
    let lines = sound.lines().enumerate();
    let damaged = lines.map(|(at, text)| if at + 1 == line { "7 here 66" } else { text });
    let damaged: String = damaged.flat_map(|line| [line, "\n"]).collect();
    std::fs::write(folder.path().join("damaged.txt"), damaged).expect("writable");
    let done =
        run(&folder, &["import", "damaged.txt", &data("C101.sol"), "--tenant", "acme"]).await;
    assert_eq!(done.status.code(), Some(1));
    let reason = text(&done.stderr);
    assert!(
        reason.starts_with(&format!("route-planning: damaged.txt:{line}: expected")),
        "{reason}"
    );
    assert!(!Path::new(&folder.path().join("route-planning.db")).exists(), "nothing was opened");
}

#[tokio::test]
async fn settings_that_are_wrong_are_told_before_anything_happens() {
    let folder = folder();
    let done = run(&folder, &["serve"]).await;
    assert_eq!(done.status.code(), Some(1));
    let reason = text(&done.stderr);
    for key in ["auth.issuer", "auth.audience", "auth.key"] {
        assert!(reason.contains(key), "{reason}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_service_starts_with_a_sample_and_stops_when_it_is_told_to() {
    let folder = folder();
    let (service, stdout) = Process::telling(&folder, &["serve", "--dev"]);
    let mut lines = BufReader::new(stdout).lines();
    let mut told = String::new();
    // The sample's events leave through the outbox: that is the last that happens by itself.
    let telling = async {
        while told.matches("route_plan.created").count() < 5 {
            let line = lines.next_line().await.expect("text");
            told += &line.unwrap_or_else(|| panic!("it ended early: {told}"));
            told += "\n";
        }
    };
    let is_told = timeout(PATIENCE, telling).await.is_ok();
    assert!(is_told, "it tells nothing more: {told}");
    assert!(told.starts_with("Route planning is at http://127.0.0.1:"), "{told}");
    assert!(told.contains("tenant acme got 5 plans of the sample A-n32-k5"), "{told}");
    for line in ["export ACME=", "export GLOBEX=", "/dispatch", "/complete", "status=done"] {
        assert!(told.contains(line), "{line} is missing in {told}");
    }
    service.stop().await;
}
