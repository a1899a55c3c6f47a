//! Ports whose calls fail as they are told.

use idp_application::{
    Applied, BlockedKey, BoxFuture, ChangeSet, Claim, Cost, DeadLetterCommand, DeadLetterRecord,
    DeadLetters, Deliveries, DeliveryKey, Due, Error, ErrorKind, Fetched, Lane, LaneBatch,
    LaneLease, LaneProgress, LaneRecord, LaneTracks, Membership, Migrate, OutboxLog, ParkedEvent,
    ParkedKey, ProjectionBatch, ProjectionStore, Reader, RowQuery, Settled, Settlement, Store,
    TenantPolicies, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord, TenantTracks, TrackBatch,
    TrackChange, TrackReading, TrackRecord, WorkerId,
};
use idp_domain::{TableSchema, TenantId};
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done and answered.
    Pass,
    /// It is not done, and fails.
    Refused,
    /// It is done, and the answer is lost: it fails.
    AnswerLost,
    /// It is not done, and never answered.
    Silence,
    /// It is done, and never answered.
    DoneInSilence,
}

type Plan = dyn Fn(&'static str) -> Fate + Send + Sync;

/// A store whose calls meet a fate that a plan decides, call by call, by the name of the method.
pub struct Unreliable<T: ?Sized> {
    inner: Arc<T>,
    plan: Box<Plan>,
}

impl<T: Send + Sync + ?Sized> Unreliable<T> {
    /// Decides over the calls of `inner`.
    pub fn new(inner: Arc<T>, plan: impl Fn(&'static str) -> Fate + Send + Sync + 'static) -> Self {
        Self { inner, plan: Box::new(plan) }
    }

    fn meet<'a, R: Send + 'a>(
        &'a self,
        method: &'static str,
        call: BoxFuture<'a, Result<R, Error>>,
    ) -> BoxFuture<'a, Result<R, Error>> {
        Box::pin(async move {
            // Even a store in the same room lets others work while it is asked.
            tokio::time::sleep(ROUND_TRIP).await;
            match (self.plan)(method) {
                Fate::Pass => call.await,
                Fate::Refused => Err(cut(method)),
                Fate::AnswerLost => {
                    call.await.and_then(|_| Err(cut(method).with_outcome_unknown()))
                }
                Fate::Silence => std::future::pending().await,
                Fate::DoneInSilence => {
                    drop(call.await);
                    std::future::pending().await
                }
            }
        })
    }
}

const ROUND_TRIP: Duration = Duration::from_micros(500);

fn cut(method: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, method, "the connection was cut")
}

impl<T: Store + ?Sized> Store for Unreliable<T> {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        self.meet("fetch", self.inner.fetch(query))
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        self.meet("count", self.inner.count(query))
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        self.meet("commit", self.inner.commit(changes))
    }
}

impl<T: OutboxLog + ?Sized> OutboxLog for Unreliable<T> {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        self.meet("join", self.inner.join(reader, worker, ttl))
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        self.meet("claim", self.inner.claim(reader, claim))
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        self.meet("read", self.inner.read(leases, limit))
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.meet("advance", self.inner.advance(reader, progress, lease_ttl))
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.meet("release", self.inner.release(reader, worker, leases))
    }
}

impl<T: Deliveries + ?Sized> Deliveries for Unreliable<T> {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        self.meet("blocked", self.inner.blocked(reader, lanes))
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.meet("record", self.inner.record(reader, records, lease_ttl))
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        self.meet("due", self.inner.due(reader, leases, limit))
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        self.meet("settle", self.inner.settle(reader, settlement))
    }
}

impl<T: TenantTracks + ?Sized> TenantTracks for Unreliable<T> {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        self.meet("tracks", self.inner.tracks(reader, leases))
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.meet("split", self.inner.split(reader, change))
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.meet("merge", self.inner.merge(reader, change))
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        self.meet("read_tracks", self.inner.read_tracks(readings, limit))
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.meet("record_tracks", self.inner.record_tracks(reader, records))
    }
}

impl<T: TenantPolicies + ?Sized> TenantPolicies for Unreliable<T> {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        self.meet("tenant_policies", self.inner.tenant_policies(reader))
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.meet("set_tenant_policy", self.inner.set_tenant_policy(reader, order))
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        self.meet("tenant_policy_records", self.inner.tenant_policy_records(reader, limit))
    }
}

impl<T: DeadLetters + ?Sized> DeadLetters for Unreliable<T> {
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>> {
        self.meet("parked", self.inner.parked(reader, tenant, after, limit))
    }

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        self.meet("events", self.inner.events(reader, key))
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.meet("command", self.inner.command(reader, command))
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        self.meet("records", self.inner.records(reader, limit))
    }
}

impl<T: ProjectionStore + ?Sized> ProjectionStore for Unreliable<T> {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        self.meet("apply", self.inner.apply(batch))
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        self.meet("reset", self.inner.reset(reader, epoch, table))
    }
}

impl<T: Migrate + ?Sized> Migrate for Unreliable<T> {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.migrate(tables)
    }
}
