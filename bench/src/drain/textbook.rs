//! The relay of the textbook: rows with a status, claimed with `FOR UPDATE SKIP LOCKED` in a transaction
//! that stays open while they are published, and then marked as sent.
//!
//! Each batch is claimed in one round trip with its BEGIN and committed in one with the last mark.

use super::BATCH;
use super::counting::Counting;
use super::message::{COLUMNS, Columns, MessagesByHand};
use super::results::Drained;
use crate::BoxError;
use crate::schema::Schema;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

/// How rows are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// One statement a row.
    OfEach,
    /// One statement a batch.
    OfAll,
}

const TABLE: &str = "
    CREATE TABLE textbook_outbox (
      position bigint NOT NULL PRIMARY KEY,
      status text NOT NULL DEFAULT 'NEW',
      retry_count integer NOT NULL DEFAULT 0,
      lane smallint NOT NULL,
      id uuid NOT NULL,
      tenant_id text NOT NULL,
      aggregatetype text NOT NULL,
      aggregateid uuid NOT NULL,
      aggregate_version bigint NOT NULL,
      type text NOT NULL,
      schema_id text NOT NULL,
      schema_version integer NOT NULL,
      payload json NOT NULL,
      metadata json NOT NULL,
      content_hash text NOT NULL,
      occurred_at timestamptz NOT NULL,
      sent_at timestamptz
    );
    CREATE INDEX textbook_new ON textbook_outbox (position) WHERE status = 'NEW'";

const REFILL: &str = "
    TRUNCATE textbook_outbox;
    INSERT INTO textbook_outbox (position, lane, id, tenant_id, aggregatetype, aggregateid,
      aggregate_version, type, schema_id, schema_version, payload, metadata, content_hash,
      occurred_at)
    SELECT position, lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version, type,
      schema_id, schema_version, payload, metadata, content_hash, occurred_at FROM idp_outbox";

const MARK_EACH: &str =
    "UPDATE textbook_outbox SET status = 'SENT', sent_at = now() WHERE position = $1";

const MARK_ALL: &str =
    "UPDATE textbook_outbox SET status = 'SENT', sent_at = now() WHERE position = ANY($1)";

/// The table of the textbook, with the events of the log.
pub(crate) struct Table {
    backlog: u64,
    new: u64,
}

impl Table {
    pub(crate) async fn make(schema: &Schema, backlog: u64) -> Result<Self, BoxError> {
        schema.admin.batch_execute(TABLE).await?;
        Ok(Self { backlog, new: 0 })
    }

    /// Makes it ready for one who drains so many. What others drained before is vacuumed away.
    pub(crate) async fn ready(&mut self, schema: &Schema, wanted: u64) -> Result<(), BoxError> {
        if self.new < wanted {
            schema.admin.batch_execute(REFILL).await?;
            self.new = self.backlog;
        }
        for step in ["VACUUM (ANALYZE) textbook_outbox", "CHECKPOINT"] {
            schema.admin.batch_execute(step).await?;
        }
        Ok(())
    }

    pub(crate) fn drained(&mut self, events: u64) {
        self.new = self.new.saturating_sub(events);
    }
}

pub(crate) async fn drain(
    schema: &Schema,
    count: u64,
    workers: u16,
    status: Status,
) -> Result<Drained, BoxError> {
    let counting = Arc::new(Counting::default());
    let mut ready = Vec::new();
    for _ in 0..workers {
        ready.push(Worker::ready(schema, status).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for worker in ready {
        tasks.spawn(worker.work(counting.clone(), count));
    }
    while let Some(worked) = tasks.join_next().await {
        worked??;
    }
    Ok(Drained { events: counting.count(), took: start.elapsed() })
}

/// One of those who share the work.
pub(crate) struct Worker {
    client: Client,
    claim: Statement,
    mark: Statement,
    status: Status,
}

impl Worker {
    pub(crate) async fn ready(schema: &Schema, status: Status) -> Result<Self, BoxError> {
        let client = schema.client().await?;
        let claim = format!(
            "SELECT {COLUMNS} FROM textbook_outbox WHERE status = 'NEW' ORDER BY position \
             LIMIT $1 FOR UPDATE SKIP LOCKED"
        );
        let mark = match status {
            Status::OfEach => MARK_EACH,
            Status::OfAll => MARK_ALL,
        };
        let (claim, mark) = (client.prepare(&claim).await?, client.prepare(mark).await?);
        Ok(Self { client, claim, mark, status })
    }

    /// Until so many were sent by all workers together.
    pub(crate) async fn work(self, bus: Arc<Counting>, count: u64) -> Result<(), BoxError> {
        let mut by_hand = MessagesByHand::default();
        while bus.count() < count {
            let limit: &[&(dyn ToSql + Sync)] = &[&i64::from(BATCH)];
            let (begun, rows) = tokio::join!(
                self.client.batch_execute("BEGIN"),
                self.client.query(&self.claim, limit)
            );
            begun?;
            let rows = rows?;
            let mut positions = Vec::with_capacity(rows.len());
            let mut messages = Vec::with_capacity(rows.len());
            for row in &rows {
                let columns = Columns::of(row)?;
                positions.push(columns.position);
                messages.push(by_hand.message(columns)?);
            }
            bus.take(&messages);
            self.mark(&positions).await?;
        }
        Ok(())
    }

    async fn mark(&self, positions: &[i64]) -> Result<(), BoxError> {
        match self.status {
            Status::OfAll => {
                let sent: &[&(dyn ToSql + Sync)] = &[&positions];
                let (marked, committed) = tokio::join!(
                    self.client.execute(&self.mark, sent),
                    self.client.batch_execute("COMMIT")
                );
                marked?;
                committed?;
            }
            Status::OfEach => {
                for position in positions {
                    self.client.execute(&self.mark, &[position]).await?;
                }
                self.client.batch_execute("COMMIT").await?;
            }
        }
        Ok(())
    }
}
