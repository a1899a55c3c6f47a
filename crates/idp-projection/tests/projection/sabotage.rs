//! Stores, logs and projections with a deliberate bug each: the audit must convict all of them.

use crate::service::{LONG, Service, caught_up, config, until};
use idp_application::{
    Applied, BoxFuture, Claim, Cursor, Error, ErrorKind, Lane, LaneBatch, LaneLease, LaneProgress,
    OutboxLog, Projection, ProjectionBatch, ProjectionStore, Reader, Recorded, delegate_port,
};
use idp_domain::{TableSchema, Value};
use idp_testkit::{Assembled, Audited, TallyBoard, TallyEvent, TallyRow};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What is wrong with a store of read models.
#[derive(Clone)]
enum Bug {
    /// Writes the rows in one transaction and the checkpoint in another, which is lost.
    LosesCheckpoints,
    /// The same, and rows do not know their revision either.
    LosesCheckpointsAndRevisions,
    /// Does not check the epoch: takes whatever the current one is.
    IgnoresTheEpoch(Arc<AtomicI64>),
    /// Forgets to remove the rows in a reset.
    KeepsRowsInAReset,
    /// None; but the first batch arrives late, when its sender has given it up.
    None,
}

struct Sabotaged {
    store: Arc<dyn ProjectionStore>,
    bug: Bug,
    /// The number of the batch that arrives late.
    late: Option<u32>,
    batches: AtomicU32,
}

impl Sabotaged {
    fn with(service: &Service, bug: Bug) -> Self {
        Self { store: service.audited.clone(), bug, late: None, batches: AtomicU32::new(0) }
    }

    async fn apply_now(
        store: Arc<dyn ProjectionStore>,
        bug: Bug,
        mut batch: ProjectionBatch,
    ) -> Result<Applied, Error> {
        match &bug {
            Bug::LosesCheckpoints | Bug::LosesCheckpointsAndRevisions => {
                batch.progress =
                    LaneProgress { cursor: Cursor::default(), sequence: 0, ..batch.progress };
                if matches!(bug, Bug::LosesCheckpointsAndRevisions) {
                    batch.writes.iter_mut().for_each(|write| write.revision = 0);
                }
                let _ = store.apply(batch).await?;
                Err(Error::new(ErrorKind::Unavailable, "apply", "crashed before the checkpoint"))
            }
            Bug::IgnoresTheEpoch(current) => {
                batch.progress.epoch = current.load(Ordering::SeqCst);
                store.apply(batch).await
            }
            Bug::KeepsRowsInAReset | Bug::None => store.apply(batch).await,
        }
    }
}

impl ProjectionStore for Sabotaged {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        let number = self.batches.fetch_add(1, Ordering::SeqCst);
        let apply = Self::apply_now(self.store.clone(), self.bug.clone(), batch);
        if self.late == Some(number) {
            tokio::spawn(async move {
                sleep(Duration::from_secs(60)).await;
                let _ = apply.await;
            });
            return Box::pin(std::future::pending());
        }
        Box::pin(apply)
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        Box::pin(async move {
            if !matches!(self.bug, Bug::KeepsRowsInAReset) {
                return self.store.reset(reader, epoch, table).await;
            }
            let (lane, cursor, sequence) = (Lane::WHOLE, Cursor::default(), 0);
            let progress = LaneProgress { lane, epoch, cursor, sequence };
            let (reader, lease_ttl) = (reader.clone(), config().lease_ttl);
            self.store.apply(ProjectionBatch { reader, progress, lease_ttl, writes: vec![] }).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_loses_checkpoints_is_noticed_by_the_projector_itself() {
    let service = Service::start().await;
    let sabotaged = Arc::new(Sabotaged::with(&service, Bug::LosesCheckpoints));
    service.tally("acme", 3).await;
    let backend = Assembled { projections: sabotaged, ..service.backend() };
    let projector = service.projector_on(1, Arc::new(backend));
    until(&projector, |status| status.failures > 10).await;
    assert_eq!(service.rows("acme").await[0].steps, 3, "the row is ahead: it is not folded again");
    assert!(!service.audited.wrong_rows().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_writes_rows_and_checkpoint_apart_is_convicted() {
    let service = Service::start().await;
    let sabotaged = Arc::new(Sabotaged::with(&service, Bug::LosesCheckpointsAndRevisions));
    service.tally("acme", 3).await;
    let backend = Assembled { projections: sabotaged, ..service.backend() };
    let projector = service.projector_on(1, Arc::new(backend));
    until(&projector, |status| status.failures > 1).await;
    drop(projector);
    let sound = service.projector_on(2, Arc::new(service.backend()));
    caught_up(&sound).await;
    let wrong = service.audited.wrong_rows();
    let (_, found) = wrong.last().and_then(|row| row.found.clone()).expect("a wrong row");
    assert!(found.contains(&Value::Int(6)) || found.contains(&Value::Int(9)), "{found:?}");
}

/// A store to whose first projector the first batch arrives late, and what it knows of epochs.
async fn with_a_late_batch(service: &Service, bug: Bug, epoch: Arc<AtomicI64>) {
    let late = Sabotaged { late: Some(0), ..Sabotaged::with(service, bug) };
    let log = Arc::new(Tampering { log: service.store.clone(), tamper: Tamper::Eavesdrop(epoch) });
    let projections = Arc::new(late);
    let backend = Assembled { projections, log, ..service.backend() };
    service.tally("acme", 2).await;
    let projector = service.projector_on(1, Arc::new(backend));
    caught_up(&projector).await;
    service.tally("acme", 2).await;
    caught_up(&projector).await;
    sleep(Duration::from_secs(90)).await;
    service.tally("acme", 2).await;
    let _ = timeout(LONG, projector.caught_up()).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_arrives_late_meets_an_old_epoch_and_changes_nothing() {
    let service = Service::start().await;
    with_a_late_batch(&service, Bug::None, Arc::default()).await;
    assert_eq!(service.rows("acme").await.len(), 3);
    service.assert_audited();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_check_the_epoch_is_convicted() {
    let service = Service::start().await;
    let epoch = Arc::new(AtomicI64::new(0));
    with_a_late_batch(&service, Bug::IgnoresTheEpoch(epoch.clone()), epoch).await;
    assert!(!service.audited.wrong_rows().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_keeps_rows_is_convicted() {
    let service = Service::start().await;
    let sabotaged = Arc::new(Sabotaged::with(&service, Bug::KeepsRowsInAReset));
    let backend = Assembled { projections: sabotaged, ..service.backend() };
    let projector = service.projector_on(1, Arc::new(backend));
    service.tally("acme", 3).await;
    caught_up(&projector).await;
    assert!(service.audited.wrong_rows().is_empty());
    let _ = timeout(LONG, projector.rebuild()).await;
    assert!(!service.audited.wrong_rows().is_empty());
}

/// What is wrong with a log.
enum Tamper {
    /// Passes over the event with this number.
    Skip(i64),
    /// Reads the events of a batch backwards.
    Reverse,
    /// Nothing; it only tells the epoch of the last claim.
    Eavesdrop(Arc<AtomicI64>),
}

struct Tampering {
    log: Arc<dyn OutboxLog>,
    tamper: Tamper,
}

impl OutboxLog for Tampering {
    delegate_port!(OutboxLog { join, advance, release } => |this| this.log);

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(async move {
            let leases = self.log.claim(reader, claim).await?;
            if let (Tamper::Eavesdrop(epoch), Some(lease)) = (&self.tamper, leases.first()) {
                epoch.store(lease.epoch, Ordering::SeqCst);
            }
            Ok(leases)
        })
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move {
            let mut batches = self.log.read(leases, limit).await?;
            for batch in &mut batches {
                match &self.tamper {
                    Tamper::Skip(position) => {
                        batch.events.retain(|event| event.cursor.position != *position);
                    }
                    Tamper::Reverse => batch.events.reverse(),
                    Tamper::Eavesdrop(_) => {}
                }
            }
            Ok(batches)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_skips_or_reverses_events_is_convicted() {
    for tamper in [Tamper::Skip(2), Tamper::Reverse] {
        let service = Service::start().await;
        service.tally("acme", 4).await;
        let log = Arc::new(Tampering { log: service.store.clone(), tamper });
        let backend = Assembled { log, ..service.backend() };
        let projector = service.projector_on(1, Arc::new(backend));
        caught_up(&projector).await;
        assert!(!service.audited.wrong_rows().is_empty());
    }
}

/// A board that depends on when it is folded.
#[derive(Default)]
struct Impure(AtomicI64);

impl Projection for Impure {
    type Event = TallyEvent;
    type Row = TallyRow;

    const NAME: &'static str = TallyBoard::NAME;

    fn key(&self, event: &Recorded<'_, TallyEvent>) -> Option<Value> {
        TallyBoard.key(event)
    }

    fn fold(&self, row: Option<TallyRow>, event: &Recorded<'_, TallyEvent>) -> Option<TallyRow> {
        let digest = self.0.fetch_add(1, Ordering::SeqCst);
        TallyBoard.fold(row, event).map(|row| TallyRow { digest, ..row })
    }
}

#[tokio::test(start_paused = true)]
async fn a_projection_that_is_no_function_of_its_events_is_convicted() {
    let service = Service::start().await;
    let (store, log) = (service.store.clone(), service.store.clone());
    let audited = Arc::new(Audited::new(Impure::default(), store.clone(), log, store));
    let backend = Assembled { projections: audited.clone(), ..service.backend() };
    let projector = service.projector_of(Impure::default(), 1, Arc::new(backend));
    service.tally("acme", 2).await;
    caught_up(&projector).await;
    service.tally("acme", 2).await;
    caught_up(&projector).await;
    assert!(!audited.wrong_rows().is_empty());
}
