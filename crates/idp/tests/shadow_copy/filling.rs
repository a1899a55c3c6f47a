//! A read model that is new when the log is gone is filled from the archive, and is then as one that
//! followed the log from the beginning.

use crate::actors::{keepers, tenant, write};
use crate::reader::{Follower, LEASE};
use crate::stage::Stage;
use idp_application::{
    Actor, Backend, CommitSignal, ErrorKind, KeepingAction, KeepingCommand, LaneProgress,
    LoggedEvent, Projection, ProjectionBatch, ProjectionWrite, RowQuery, Scope, Sharding,
    StoredRow, WorkerId,
};
use idp_domain::{Record, Uuid};
use idp_keeper::{Archive, ArchiveSelection, ArchiveStore, DirectoryArchive};
use idp_projection::{Projector, ProjectorConfig, ProjectorHandle, fill};
use idp_testkit::{TallyBoard, TallyRow};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const WORKER: WorkerId = WorkerId(Uuid::from_u128(700));

fn projector(backend: &Arc<dyn Backend>, worker: u128) -> ProjectorHandle {
    let poll_interval = Duration::from_millis(20);
    let config = ProjectorConfig { poll_interval, ..ProjectorConfig::default() };
    let (worker, signal) = (WorkerId(Uuid::from_u128(worker)), CommitSignal::default());
    let projector = Projector::new(config, TallyBoard, backend.clone(), worker, &signal);
    projector.expect("it is valid").start()
}

/// All rows, with their revisions.
async fn rows(backend: &Arc<dyn Backend>) -> Vec<StoredRow> {
    let mut rows = Vec::new();
    for tally in [0, 1] {
        let query = RowQuery::all(TallyRow::SCHEMA, Scope::Tenant(tenant(tally)));
        rows.extend(backend.fetch(query).await.expect("the rows can be read").rows);
    }
    rows.sort_by_key(|row| format!("{:?}{:?}", row.tenant, row.values));
    rows
}

/// Makes the read model new: no rows, and a reader that begins where the log does.
async fn begin_anew(backend: &Arc<dyn Backend>, known: &[StoredRow]) {
    let action = KeepingAction::Forget { reader: TallyBoard::NAME.into(), is_forced: true };
    let (actor, reason) = (Actor::new("ann"), "it begins anew".to_owned());
    let forget = KeepingCommand { actor, action, reason };
    backend.keep(&forget).await.expect("it is there");
    let new = Follower::join(backend, TallyBoard::NAME, Sharding::Whole, 701).await;
    let lease = new.leases[0];
    let progress = LaneProgress {
        lane: lease.lane,
        epoch: lease.epoch,
        cursor: lease.cursor,
        sequence: lease.sequence,
    };
    let gone = |row: &StoredRow| {
        let key = row.values[TallyRow::SCHEMA.key].clone();
        ProjectionWrite::of::<TallyRow>(row.tenant.clone(), key, None, 0)
    };
    let writes = known.iter().map(gone).collect();
    let reader = new.reader.clone();
    let batch = ProjectionBatch { reader, progress, lease_ttl: LEASE, writes };
    assert_eq!(backend.apply(batch).await.expect("applied"), idp_application::Applied::Done);
    let released = backend.release(&new.reader, WorkerId(Uuid::from_u128(701)), &new.leases).await;
    released.expect("given back");
    assert_eq!(rows(backend).await, []);
}

async fn archived(archive: &Arc<dyn ArchiveStore>) -> Vec<LoggedEvent> {
    let archive = Archive::open(archive.clone()).await.expect("it can be read");
    let mut events = archive.events(ArchiveSelection::all()).expect("it has no gaps");
    let mut archived = Vec::new();
    while let Some(event) = events.next().await.expect("it is whole") {
        archived.push(event.into());
    }
    // Any order will do.
    archived.reverse();
    archived
}

async fn a_new_read_model_is_filled_from_the_archive(stage: Stage) {
    let backend: Arc<dyn Backend> = stage.backend.clone();
    let archive = DirectoryArchive::open(stage.folder.path().join("archive")).expect("it opens");
    let archive: Arc<dyn ArchiveStore> = Arc::new(archive);
    let live = projector(&backend, 600);
    let keepers = keepers(&stage, &(backend.clone() as _), &archive);
    write(backend.clone(), 7, 80, Duration::from_millis(1)).await;
    timeout(PATIENCE, live.caught_up()).await.expect("in time").expect("it runs");
    let mut watch = keepers[0].watch();
    let dropped = async {
        while keepers.iter().map(|keeper| keeper.metrics().events_dropped).sum::<u64>() < 100 {
            watch.changed().await.expect("it runs");
        }
    };
    timeout(PATIENCE, dropped).await.expect("the log is purged");
    for keeper in keepers {
        keeper.stop().await.expect("it stops");
    }
    live.stop().await.expect("it stops");
    let expected = rows(&backend).await;
    assert!(expected.len() > 10);

    begin_anew(&backend, &expected).await;
    let events = archived(&archive).await;
    let fill = async |events| fill(&TallyBoard, &*backend, WORKER, LEASE, events).await;
    let lacking = fill(events[..events.len() / 2].to_vec()).await.expect_err("events are missing");
    assert_eq!(lacking.kind(), ErrorKind::Corrupt);
    assert_eq!(rows(&backend).await, []);
    let filled = fill(events.clone()).await.expect("everything is there");
    assert!(filled.events >= 100 && filled.rows > 5, "{filled:?}");
    assert_eq!(fill(events.clone()).await.expect("again"), filled);

    let new = projector(&backend, 601);
    timeout(PATIENCE, new.caught_up()).await.expect("in time").expect("it runs");
    assert_eq!(new.status().events_missed, filled.events);
    assert_eq!(rows(&backend).await, expected, "with their revisions");
    let taken = fill(events.clone()).await.expect_err("a projector has it");
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    write(backend.clone(), 8, 3, Duration::from_millis(1)).await;
    timeout(PATIENCE, new.caught_up()).await.expect("in time").expect("it runs");
    new.stop().await.expect("it stops");
    let late = fill(events).await.expect_err("it has read on");
    assert_eq!(late.kind(), ErrorKind::Conflict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_a_new_read_model_is_filled_from_the_archive() {
    a_new_read_model_is_filled_from_the_archive(Stage::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_new_read_model_is_filled_from_the_archive() {
    a_new_read_model_is_filled_from_the_archive(Stage::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_a_new_read_model_is_filled_from_the_archive() {
    a_new_read_model_is_filled_from_the_archive(Stage::memory().await).await;
}
