//! The store: every port of a backend behind one mutex, so that each call is a transaction.

use crate::leases::Place;
use crate::log::Gone;
use crate::state::State;
use idp_application::{
    Applied, BoxFuture, ChangeSet, Claim, Clock, Cost, Error, Fetched, Lane, LaneBatch, LaneCount,
    LaneLease, LaneProgress, Membership, Migrate, OutboxLog, ProjectionBatch, ProjectionStore,
    Reader, RowQuery, Store, SystemClock, SystemColumn, WorkerId,
};
use idp_domain::{TableSchema, TenantId, Timestamp, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Everything that a database does, in memory.
///
/// Calls take effect one after another, when their future is first polled; none waits for anything.
/// A future that is dropped before did nothing.
pub struct MemoryStore {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    lanes: LaneCount,
}

impl Default for MemoryStore {
    /// An empty store, whose leases expire by the clock of the machine.
    fn default() -> Self {
        Self { state: Mutex::default(), clock: Arc::new(SystemClock), lanes: LaneCount::default() }
    }
}

impl MemoryStore {
    /// Lets leases expire by another clock, which stands for that of a database.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Divides the outbox into that many lanes.
    pub fn with_lanes(mut self, lanes: LaneCount) -> Self {
        self.lanes = lanes;
        self
    }

    /// The system columns of a row, soft-deleted or not: what the administrator of a database would
    /// see. `None` when there is no such row.
    pub fn system_columns(
        &self,
        tenant: &TenantId,
        table: &'static TableSchema,
        key: &Value,
    ) -> Option<BTreeMap<SystemColumn, Value>> {
        let state = self.state();
        let row = state.tables.get(table).ok()?.row(tenant, key)?;
        Some(row.system.clone())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole, so a panic in one is no reason to stop.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lanes(&self) -> LaneCount {
        self.lanes
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        Box::pin(async move { self.state().fetch(&query) })
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { self.state().count(&query) })
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(async move { self.state().commit(changes, self.lanes) })
    }
}

impl OutboxLog for MemoryStore {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        Box::pin(async move {
            let now = self.now();
            let mut state = self.state();
            let State { readers, log, .. } = &mut *state;
            let start = |lane| {
                let Gone { cursor, events } = log.gone(lane);
                Place { cursor, sequence: events }
            };
            readers.join(reader, worker, now, ttl, self.lanes, start)
        })
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(async move {
            let now = self.now();
            Ok(self.state().readers.claim(reader, claim, now))
        })
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move { self.state().log.read(leases, limit) })
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let now = self.now();
            Ok(self.state().readers.advance(reader, progress, now, lease_ttl))
        })
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.state().readers.release(reader, worker, leases);
            Ok(())
        })
    }
}

impl ProjectionStore for MemoryStore {
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(async move {
            let now = self.now();
            self.state().apply(batch, now)
        })
    }

    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        Box::pin(async move { self.state().reset(reader, epoch, table) })
    }
}

impl Migrate for MemoryStore {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.state().tables.create(tables) })
    }
}
