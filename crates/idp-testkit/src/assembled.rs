//! A backend put together from parts, so that a test can replace one of them.

use idp_application::{
    Applied, Backend, BlockedKey, BoxFuture, ChangeSet, Claim, Cost, DeadLetterCommand,
    DeadLetterRecord, DeadLetters, Deliveries, DeliveryKey, Due, Error, Fetched, Lane, LaneBatch,
    LaneLease, LaneProgress, LaneRecord, LaneTracks, Membership, Migrate, OutboxLog, ParkedEvent,
    ParkedKey, ProjectionBatch, ProjectionStore, Reader, RelayLog, RowQuery, Settled, Settlement,
    Store, TenantPolicies, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord, TenantTracks,
    TrackBatch, TrackChange, TrackReading, TrackRecord, WorkerId,
};
use idp_domain::{TableSchema, TenantId};
use std::sync::Arc;
use std::time::Duration;

/// Passes each call on to the part for it.
#[derive(Clone)]
pub struct Assembled {
    /// Rows and commits.
    pub store: Arc<dyn Store>,
    /// The outbox as a log.
    pub log: Arc<dyn OutboxLog>,
    /// What is set aside.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tenants that are served apart.
    pub tenants: Arc<dyn RelayLog>,
    /// What could not be delivered.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Read models.
    pub projections: Arc<dyn ProjectionStore>,
    /// Tables.
    pub tables: Arc<dyn Migrate>,
}

impl Assembled {
    /// All parts from one backend; then replace what the test is about.
    pub fn of<B: Backend>(backend: &Arc<B>) -> Self {
        Self {
            store: backend.clone(),
            log: backend.clone(),
            deliveries: backend.clone(),
            tenants: backend.clone(),
            dead_letters: backend.clone(),
            projections: backend.clone(),
            tables: backend.clone(),
        }
    }
}

impl Store for Assembled {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        self.store.fetch(query)
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        self.store.count(query)
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        self.store.commit(changes)
    }
}

impl OutboxLog for Assembled {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        self.log.join(reader, worker, ttl)
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        self.log.claim(reader, claim)
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        self.log.read(leases, limit)
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.log.advance(reader, progress, lease_ttl)
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.log.release(reader, worker, leases)
    }
}

impl Deliveries for Assembled {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        self.deliveries.blocked(reader, lanes)
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.deliveries.record(reader, records, lease_ttl)
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        self.deliveries.due(reader, leases, limit)
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        self.deliveries.settle(reader, settlement)
    }
}

impl TenantTracks for Assembled {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        self.tenants.tracks(reader, leases)
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.tenants.split(reader, change)
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.tenants.merge(reader, change)
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        self.tenants.read_tracks(readings, limit)
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.tenants.record_tracks(reader, records)
    }
}

impl TenantPolicies for Assembled {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        self.tenants.tenant_policies(reader)
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.tenants.set_tenant_policy(reader, order)
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        self.tenants.tenant_policy_records(reader, limit)
    }
}

impl DeadLetters for Assembled {
    fn parked<'a>(
        &'a self,
        reader: &'a str,
        tenant: Option<&'a TenantId>,
        after: Option<&'a DeliveryKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<ParkedKey>, Error>> {
        self.dead_letters.parked(reader, tenant, after, limit)
    }

    fn events<'a>(
        &'a self,
        reader: &'a str,
        key: &'a DeliveryKey,
    ) -> BoxFuture<'a, Result<Vec<ParkedEvent>, Error>> {
        self.dead_letters.events(reader, key)
    }

    fn command<'a>(
        &'a self,
        reader: &'a str,
        command: &'a DeadLetterCommand,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.dead_letters.command(reader, command)
    }

    fn records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<DeadLetterRecord>, Error>> {
        self.dead_letters.records(reader, limit)
    }
}

impl ProjectionStore for Assembled {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        self.projections.apply(batch)
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        self.projections.reset(reader, epoch, table)
    }
}

impl Migrate for Assembled {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.tables.migrate(tables)
    }
}
