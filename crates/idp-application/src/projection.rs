//! Read models: what a user writes to fold events into rows, and the port that stores the rows.

use crate::{BoxFuture, Error, LaneProgress, Reader};
use idp_domain::{DomainEvent, Envelope, Record, TableSchema, TenantId, Value};
use std::ops::Deref;
use std::time::Duration;

/// An event with its envelope, as a projection sees it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a, E> {
    /// The event.
    pub event: &'a E,
    /// When, whose, which aggregate.
    pub envelope: &'a Envelope,
}

impl<E> Deref for Recorded<'_, E> {
    type Target = E;

    fn deref(&self) -> &E {
        self.event
    }
}

/// A pure fold of events into the rows of one read model; a projector runs it.
///
/// It must be a function of its arguments only: rows are folded again when a read model is rebuilt,
/// and must come out the same.
pub trait Projection: Send + Sync + 'static {
    /// The events it follows. Others are passed over.
    type Event: DomainEvent;
    /// The rows it makes.
    type Row: idp_domain::ReadModel;

    /// The stable name under which the checkpoint is kept, one that readers
    /// [may have](crate::Reader::name_fault).
    const NAME: &'static str;

    /// The key of the row that the event changes; `None` when it changes none.
    fn key(&self, event: &Recorded<'_, Self::Event>) -> Option<Value>;

    /// The row after the event; `None` when there is none any more.
    fn fold(&self, row: Option<Self::Row>, event: &Recorded<'_, Self::Event>) -> Option<Self::Row>;
}

/// One row of a read model to write.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectionWrite {
    /// The table.
    pub table: &'static TableSchema,
    /// Whose row.
    pub tenant: TenantId,
    /// Which row.
    pub key: Value,
    /// All columns; `None` deletes the row.
    pub values: Option<Vec<Value>>,
    /// The number of the event that led to it.
    pub revision: i64,
}

impl ProjectionWrite {
    /// The write that makes `row` the row of that key.
    pub fn of<R: Record>(tenant: TenantId, key: Value, row: Option<&R>, revision: i64) -> Self {
        let values = row.map(|row| (0..R::SCHEMA.columns.len()).map(|c| row.value(c)).collect());
        Self { table: R::SCHEMA, tenant, key, values, revision }
    }
}

/// Rows and the checkpoint that goes with them.
#[derive(Clone, Debug)]
pub struct ProjectionBatch {
    /// The reader whose checkpoint moves.
    pub reader: Reader,
    /// How far, and under which epoch.
    pub progress: LaneProgress,
    /// For how long the lease is renewed.
    pub lease_ttl: Duration,
    /// The rows, each key at most once.
    pub writes: Vec<ProjectionWrite>,
}

/// What became of a batch.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The rows and the checkpoint were written together.
    Done,
    /// Another worker has the lease: nothing was written.
    Fenced,
}

/// Stores read models.
///
/// # Contract
/// Adapters prove these with `idp_conformance::projection!`.
///
/// 1. Rows and checkpoint are written in one transaction.
/// 2. A batch under an old epoch writes nothing.
/// 3. A reset removes all rows of the table and puts the checkpoint at the start, together.
pub trait ProjectionStore: Send + Sync + 'static {
    /// Writes the rows and the checkpoint, and renews the lease.
    fn apply(&self, batch: ProjectionBatch) -> BoxFuture<'_, Result<Applied, Error>>;

    /// Empties the table and starts the reader from the beginning of the log, under the epoch of a
    /// lease that the caller holds.
    fn reset<'a>(
        &'a self,
        reader: &'a Reader,
        epoch: i64,
        table: &'static TableSchema,
    ) -> BoxFuture<'a, Result<Applied, Error>>;
}
