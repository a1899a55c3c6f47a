//! The log is kept small by settings alone: what was relayed leaves for the archive, the archive is checked
//! and replayed by commands, and what is missing in it is told.

use crate::process::{PATIENCE, Process, Running, import, server};
use crate::program::program;
use crate::stores::new_database;
use idp::application::{Actor, Backend, KeepingAction, KeepingCommand, Reader, Sharding, WorkerId};
use idp::domain::Uuid;
use idp::postgres::{PgOptions, PgStore};
use idp::sqlite::{SqliteOptions, SqliteStore};
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// A service whose log is kept for a second, and a look at its database.
struct Kept {
    folder: TempDir,
    url: String,
    backend: Arc<dyn Backend>,
}

impl Kept {
    async fn on_postgres() -> Self {
        let url = new_database(&server("IDP_TEST_PG")).await;
        let store = PgStore::connect(&url, PgOptions::default()).await.expect("it answers");
        Self { folder: folder(), url, backend: Arc::new(store) }
    }

    /// As [`on_postgres`](Self::on_postgres), and as async as that.
    async fn on_sqlite() -> Self {
        let folder = folder();
        let file = folder.path().join("plans.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).expect("a new file");
        Self { folder, url: format!("sqlite:{}", file.display()), backend: Arc::new(store) }
    }

    fn variables(&self) -> [(&str, &str); 5] {
        [
            ("ROUTE_PLANNING__DATABASE__URL", &self.url),
            ("ROUTE_PLANNING__DATABASE__PARTITION_SIZE", "10"),
            ("ROUTE_PLANNING__LOG__KEEP_FOR", "1s"),
            ("ROUTE_PLANNING__LOG__INTERVAL", "1s"),
            ("ROUTE_PLANNING__LOG__ARCHIVE", "old events"),
        ]
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("old events")
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = program(&self.folder);
        command.args(arguments).envs(self.variables());
        Running::start(command).ended("").await
    }

    /// Ends when so many events are in the log no more: a reader that comes now never sees them.
    async fn dropped(&self, events: u64) {
        let reader = Reader { name: "a-look".into(), sharding: Sharding::Whole };
        let worker = WorkerId(Uuid::from_u128(1));
        let dropping = async {
            loop {
                let joined = self.backend.join(&reader, worker, PATIENCE).await;
                let missed = joined.expect("it answers").events_missed;
                let action = KeepingAction::Forget { reader: reader.name.clone(), is_forced: true };
                let (actor, reason) = (Actor::new("test"), "it was a look".to_owned());
                let forget = KeepingCommand { actor, action, reason };
                self.backend.keep(&forget).await.expect("it was there");
                if missed >= events {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, dropping).await.expect("they are dropped");
    }

    /// What is in the folder of the archive, by the name of the sub-folder.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.archive().join(folder)).expect("it is there");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("it is there").path()).collect();
        files.sort();
        files
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[cfg(unix)]
#[tokio::test]
async fn old_events_leave_for_the_archive_and_come_back_on_postgres() {
    old_events_leave_for_the_archive_and_come_back(Kept::on_postgres().await).await;
}

#[cfg(unix)]
#[tokio::test]
async fn old_events_leave_for_the_archive_and_come_back_on_sqlite() {
    old_events_leave_for_the_archive_and_come_back(Kept::on_sqlite().await).await;
}

async fn old_events_leave_for_the_archive_and_come_back(kept: Kept) {
    let service = Process::start(&kept.folder, &["serve", "--dev"], &kept.variables());
    // Five of the sample, ten that come while it runs, and a round that makes another segment.
    import(&kept.folder, &kept.variables(), "C101.txt", "C101.sol", "globex").await;
    kept.dropped(10).await;
    import(&kept.folder, &kept.variables(), "ORTEC-n323-k21.vrp", "ORTEC-n323-k21.sol", "initech")
        .await;
    kept.dropped(30).await;
    let checked = kept.run(&["archive", "verify"]).await;
    assert!(checked.status.success(), "while the service works: {checked:?}");
    service.stop().await;

    let checked = kept.run(&["archive", "verify"]).await;
    let told = text(&checked.stdout);
    assert!(checked.status.success(), "{checked:?}");
    assert!(told.contains("old events: 36 events in "), "{told}");
    assert!(told.ends_with("It is whole.\n"), "{told}");
    let lines = kept.files("events").into_iter().map(|file| {
        assert!(file.to_string_lossy().ends_with(".jsonl.gz"), "{file:?}");
        let lines = std::process::Command::new("gzip").arg("-dc").arg(file).output();
        text(&lines.expect("gzip runs").stdout).lines().count()
    });
    assert_eq!(lines.sum::<usize>(), 36, "each once, as any tool can read it");

    let again = kept.run(&["archive", "replay", "--tenant", "globex"]).await;
    let told = text(&again.stdout);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(told.matches(" globex route_plan.created ").count(), 10, "{told}");
    assert!(told.ends_with("10 events were sent again\n"), "{told}");
    let all = kept.run(&["archive", "replay", "--name", "for-auditors"]).await;
    assert_eq!(text(&all.stdout).matches("route_plan.created").count(), 36, "{all:?}");

    what_is_lost_is_told(&kept).await;
}

async fn what_is_lost_is_told(kept: &Kept) {
    let last = kept.files("segments").pop().expect("there are segments");
    let name = last.file_name().expect("it has one").to_str().expect("text").to_owned();
    let elsewhere = kept.folder.path().join("elsewhere");
    fs::rename(&last, &elsewhere).expect("it can be moved");
    let checked = kept.run(&["archive", "verify"]).await;
    let told = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(told.contains(&format!("damaged: `segments/{name}` is missing")), "{told}");
    assert!(told.contains("missing: events "), "{told}");
    // With all that the archive says of its end.
    fs::remove_file(kept.archive().join("head.json")).expect("it is there");
    let checked = kept.run(&["archive", "verify"]).await;
    let told = text(&checked.stdout);
    assert!(told.contains("`head.json` is missing") && told.contains("missing: events "), "{told}");
}

#[cfg(unix)]
#[tokio::test]
async fn an_archive_that_was_forgotten_goes_on_and_names_what_it_missed_on_postgres() {
    an_archive_that_was_forgotten_goes_on_and_names_what_it_missed(Kept::on_postgres().await).await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_archive_that_was_forgotten_goes_on_and_names_what_it_missed_on_sqlite() {
    an_archive_that_was_forgotten_goes_on_and_names_what_it_missed(Kept::on_sqlite().await).await;
}

async fn an_archive_that_was_forgotten_goes_on_and_names_what_it_missed(kept: Kept) {
    let import = async |tenant| {
        let (instance, solution) = ("ORTEC-n323-k21.vrp", "ORTEC-n323-k21.sol");
        import(&kept.folder, &kept.variables(), instance, solution, tenant).await;
    };
    let all = kept.variables();
    let service = Process::start(&kept.folder, &["serve", "--dev"], &all);
    import("globex").await;
    kept.dropped(20).await;
    service.stop().await;
    let action = KeepingAction::Forget { reader: "archive".into(), is_forced: true };
    let command = KeepingCommand { actor: Actor::new("ann"), action, reason: "a test".into() };
    kept.backend.keep(&command).await.expect("it is a reader");
    // Without the last, which names the archive.
    let service = Process::start(&kept.folder, &["serve", "--dev"], &all[..4]);
    import("initech").await;
    kept.dropped(40).await;
    service.stop().await;
    let service = Process::start(&kept.folder, &["serve", "--dev"], &all);
    import("hooli").await;
    kept.dropped(60).await;
    service.stop().await;
    let checked = kept.run(&["archive", "verify"]).await;
    let told = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    // The five of the sample, and those of two imports of three.
    assert!(told.contains("old events: 47 events in "), "{told}");
    assert!(told.contains("missing: events ") && !told.contains("damaged"), "{told}");
}

#[tokio::test]
async fn an_archive_that_is_not_set_or_not_there_is_told() {
    let folder = folder();
    let run = async |variables: &[(&str, &str)]| {
        let mut command = program(&folder);
        command.args(["archive", "replay"]).envs(variables.iter().copied());
        let done = Running::start(command).ended("").await;
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        text(&done.stderr).to_owned()
    };
    assert!(run(&[]).await.contains("log.archive is not set"));
    let misspelt =
        [("ROUTE_PLANNING__LOG__KEEP_FOR", "7d"), ("ROUTE_PLANNING__LOG__ARCHIVE", "old evnets")];
    assert!(run(&misspelt).await.contains("log.archive: old evnets is no folder"));
    assert!(!folder.path().join("old evnets").exists());
}
