//! Stores and archives with a deliberate bug are convicted.

use crate::run::Run;
use crate::stage::Stage;
use bytes::Bytes;
use idp_application::{
    Actor, Backend, BoxFuture, Error, KeepingAction, KeepingCommand, LogKeeping, PurgePolicy,
    PurgeReport, delegate_port,
};
use idp_keeper::ArchiveStore;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Something was dropped that a reader has not read: a reader found it gone, or the copy shows it.
const DROPPED: &str = "dropped";

/// Something was dropped that the archive has not: it is gone.
const GONE: &str = "neither in the log nor in the archive";

/// Convicted of what says one of these.
async fn convict(run: Run, crimes: &[&str]) {
    let faults = run.perform().await.faults;
    let is_one = |fault: &String| crimes.iter().any(|crime| fault.contains(crime));
    assert!(faults.iter().any(is_one), "of {crimes:?}, not {faults:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_purges_one_window_early_is_convicted() {
    let stage = Stage::postgres().await;
    let (right, wrong) = ("least(v_place.passed, v_last)", "least(v_place.passed + 1, v_last)");
    stage.sabotage("idp_purge", right, wrong).await;
    // Whoever is furthest behind: the archive, the relay, a reader, or a look at the log.
    convict(Run::new(stage).impatient(), &[DROPPED, GONE]).await;
}

/// Does not count a reader that is slow.
struct Forgetful(Arc<dyn Backend>);

impl LogKeeping for Forgetful {
    delegate_port!(LogKeeping { readers, holds, keep, keeping_records } => |this| this.0);

    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(async move {
            let action = KeepingAction::Forget { reader: "slow".into(), is_forced: true };
            let (actor, reason) = (Actor::new("saboteur"), "a bug".to_owned());
            // It is there when it came back since.
            drop(self.0.keep(&KeepingCommand { actor, action, reason }).await);
            self.0.purge(policy).await
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_that_does_not_count_a_slow_reader_is_convicted() {
    let run = Run::new(Stage::memory().await).keeping(|backend| Arc::new(Forgetful(backend)));
    convict(run, &[DROPPED]).await;
}

/// Says that something is written before it is: four objects late.
struct Hasty {
    archive: Arc<dyn ArchiveStore>,
    late: Mutex<VecDeque<(String, Bytes)>>,
}

impl ArchiveStore for Hasty {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Bytes, Error>> {
        self.archive.get(name)
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        self.archive.list(folder)
    }

    fn replace<'a>(
        &'a self,
        name: &'a str,
        _: Option<Bytes>,
        object: Bytes,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move { self.put(name, object).await.map(|()| true) })
    }

    fn put<'a>(&'a self, name: &'a str, object: Bytes) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let due = {
                let mut late = self.late.lock().expect("nobody panics with it");
                late.push_back((name.to_owned(), object));
                if late.len() > 4 { late.pop_front() } else { None }
            };
            match due {
                Some((name, object)) => self.archive.put(&name, object).await,
                None => Ok(()),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_records_before_it_wrote_is_convicted() {
    for stage in [Stage::memory().await, Stage::sqlite().await] {
        let hasty = |archive| -> Arc<dyn ArchiveStore> {
            Arc::new(Hasty { archive, late: Mutex::default() })
        };
        let run = Run::new(stage).archive(hasty);
        convict(run, &[GONE]).await;
    }
}
