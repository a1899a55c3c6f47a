//! Reads on, folds, and applies rows and checkpoint together.

use super::{Engine, Turn};
use crate::folding::{Concerns, Folded};
use idp_application::{
    Applied, Error, ErrorKind, LaneBatch, LaneLease, LaneProgress, Projection, ProjectionBatch,
    ProjectionSeen, ProjectionWrite, RowQuery, Scope, StoredRow,
};
use idp_domain::{Predicate, Record, TenantId, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How many rows are asked for at once.
const KEYS_MAX: usize = 1_000;

impl<P: Projection> Engine<P> {
    /// Reads one batch and applies it.
    pub(super) async fn project(&mut self) -> Result<Turn, Error> {
        let Some(lease) = self.lease else { return Ok(Turn::Idle) };
        self.has_news = true; // until it is known that there is nothing more
        self.requests.reading();
        let leases = [lease];
        let read = self.parts.backend.read(&leases, self.parts.config.batch_size);
        let batches = self.call(read).await?;
        match batches.into_iter().find(|batch| batch.lane == lease.lane) {
            Some(batch) if !batch.events.is_empty() => self.fold(lease, &batch).await,
            batch => {
                // Windows without events were passed; the next renewal records it.
                let has_more = batch.as_ref().is_some_and(|batch| batch.has_more);
                let cursor = batch.map_or(lease.cursor, |batch| batch.through.max(lease.cursor));
                self.lease = Some(LaneLease { cursor, ..lease });
                self.report(|status| status.stalled = None);
                if has_more {
                    return Ok(Turn::Busy);
                }
                self.has_news = false;
                self.requests.caught_up();
                Ok(Turn::Idle)
            }
        }
    }

    async fn fold(&mut self, lease: LaneLease, batch: &LaneBatch) -> Result<Turn, Error> {
        let began = Instant::now();
        let concerns = Concerns::of(&self.parts.projection, &batch.events);
        let stored = self.stored_rows(concerns.keys()).await?;
        if stored.iter().any(|row| row.version > lease.sequence) {
            let message = "a row is ahead of the checkpoint: the lease seems to be lost";
            return Err(self.doubt(Error::new(ErrorKind::Conflict, "project", message)));
        }
        let folded = concerns.fold(&self.parts.projection, stored, lease.sequence);
        let Folded { writes, events, fault } = folded;
        let rows = writes.len();
        if events > 0 && !self.apply(lease, batch, events, writes).await? {
            return Ok(Turn::Idle);
        }
        if events > 0 {
            self.tell_applied(events, rows, began.elapsed());
        }
        fault.map_or(Ok(Turn::Busy), Err)
    }

    fn tell_applied(&self, events: usize, rows: usize, took: Duration) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (projection, events, rows) = (P::NAME, count(events), count(rows));
        let seen = ProjectionSeen::Applied { projection, events, rows, took };
        self.tell(seen);
    }

    /// The rows with those keys, as far as there are such rows.
    async fn stored_rows(
        &self,
        keys: BTreeMap<TenantId, Vec<Value>>,
    ) -> Result<Vec<StoredRow>, Error> {
        let table = P::Row::SCHEMA;
        let mut rows = Vec::new();
        for (tenant, keys) in keys {
            for keys in keys.chunks(KEYS_MAX) {
                let predicate = Predicate::In(table.key, keys.to_vec());
                let scope = Scope::Tenant(tenant.clone());
                let query = RowQuery { predicate, ..RowQuery::all(table, scope) };
                rows.extend(self.call(self.parts.backend.fetch(query)).await?.rows);
            }
        }
        Ok(rows)
    }

    /// Writes the rows, and moves the checkpoint behind that many events of the batch. Says whether
    /// the lease is still held.
    async fn apply(
        &mut self,
        lease: LaneLease,
        batch: &LaneBatch,
        events: usize,
        writes: Vec<ProjectionWrite>,
    ) -> Result<bool, Error> {
        let is_whole = events == batch.events.len();
        let cursor = if is_whole { batch.through } else { batch.events[events - 1].cursor };
        let count = i64::try_from(events).expect("a batch is not that long");
        let done = LaneLease { cursor, sequence: lease.sequence + count, ..lease };
        let rows = u64::try_from(writes.len()).unwrap_or(u64::MAX);
        let applied = self.parts.backend.apply(ProjectionBatch {
            reader: self.reader.clone(),
            progress: progress(done),
            lease_ttl: self.parts.config.lease_ttl,
            writes,
        });
        match self.call(applied).await {
            Ok(Applied::Done) => {
                self.lease = Some(done);
                self.report(|status| {
                    status.events += u64::try_from(events).unwrap_or(u64::MAX);
                    status.batches += 1;
                    status.rows_written += rows;
                    status.stalled = None;
                });
                self.parts.updated.ring();
                Ok(true)
            }
            Ok(Applied::Fenced) => {
                self.fenced();
                Ok(false)
            }
            Err(error) => Err(self.doubt(error)),
        }
    }
}

pub(super) fn progress(lease: LaneLease) -> LaneProgress {
    let LaneLease { lane, epoch, cursor, sequence } = lease;
    LaneProgress { lane, epoch, cursor, sequence }
}
