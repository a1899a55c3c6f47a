//! Processes notify each other of their commits, outside of them.

mod harness;

use harness::PgHarness;
use idp_application::{CommitSignal, CommitWatch, Error, ErrorKind};
use idp_postgres::{PgNotify, PgNotifyOptions, PgStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A process as far as notifications go.
struct Process {
    signal: CommitSignal,
    task: JoinHandle<Error>,
}

impl Process {
    async fn start(store: &PgStore) -> Self {
        let signal = CommitSignal::default();
        let notify = PgNotify::of(store, PgNotifyOptions::default()).expect("valid");
        let (began, begun) = oneshot::channel();
        let watched = signal.clone();
        let task = tokio::spawn(async move {
            notify
                .watch(&watched, Box::new(move || began.send(()).expect("it is waited for")))
                .await
        });
        timeout(PATIENCE, begun).await.expect("in time").expect("it begins");
        Self { signal, task }
    }
}

/// Counts the notifications that arrive on any channel of the harness's schema.
async fn count_notifications(harness: &PgHarness) -> Arc<AtomicU32> {
    let count = Arc::new(AtomicU32::new(0));
    let counting = count.clone();
    let process = Process::start(harness.store()).await;
    let mut rings = process.signal.listen();
    tokio::spawn(async move {
        let _keep = process;
        loop {
            rings.rung().await;
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    count
}

#[tokio::test]
async fn a_commit_of_one_process_wakes_the_others() {
    let harness = PgHarness::start().await;
    let (one, other) =
        (Process::start(harness.store()).await, Process::start(harness.store()).await);
    let mut rings = other.signal.listen();
    one.signal.ring();
    timeout(PATIENCE, rings.rung()).await.expect("the other is woken");
    let mut rings = one.signal.listen();
    other.signal.ring();
    timeout(PATIENCE, rings.rung()).await.expect("its own ring");
    // Nobody passes on what came from elsewhere: that would never end.
    assert!(timeout(Duration::from_millis(300), rings.rung()).await.is_err());
}

#[tokio::test]
async fn commits_that_come_together_are_notified_together() {
    let harness = PgHarness::start().await;
    let notifications = count_notifications(&harness).await;
    let process = Process::start(harness.store()).await;
    let start = tokio::time::Instant::now();
    for _ in 0..2_000 {
        process.signal.ring();
        tokio::task::yield_now().await;
    }
    let mut last = process.signal.listen();
    process.signal.ring();
    timeout(PATIENCE, last.rung()).await.expect("its own ring");
    let arrived = async {
        while notifications.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, arrived).await.expect("at least one arrives");
    let most = start.elapsed().as_millis() / 5 + 2;
    let found = u128::from(notifications.load(Ordering::SeqCst));
    assert!(found <= most, "{found} notifications, at most {most}");
}

#[tokio::test]
async fn a_process_of_another_schema_is_left_alone() {
    let (harness, elsewhere) = (PgHarness::start().await, PgHarness::start().await);
    let process = Process::start(harness.store()).await;
    let other = Process::start(elsewhere.store()).await;
    let mut rings = other.signal.listen();
    process.signal.ring();
    assert!(timeout(Duration::from_millis(300), rings.rung()).await.is_err());
}

#[tokio::test]
async fn a_watch_whose_connection_is_killed_says_so() {
    let harness = PgHarness::start().await;
    let process = Process::start(harness.store()).await;
    assert!(!process.task.is_finished());
    harness.kill_connections().await;
    let error = timeout(PATIENCE, process.task).await.expect("it ends").expect("no panic");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
