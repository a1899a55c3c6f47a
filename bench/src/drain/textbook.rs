//! The relay of the textbook: rows with a status, claimed with `FOR UPDATE SKIP LOCKED` in a transaction
//! that stays open while they are published, and then marked as sent.

use super::BATCH;
use super::counting::Counting;
use crate::BoxError;
use crate::schema::Schema;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// How rows are marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// One statement a row.
    OfEach,
    /// One statement a batch.
    OfAll,
}

const TABLE: &str = "
    CREATE TABLE textbook_outbox (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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

const CLAIM: &str = "SELECT position, id, tenant_id, aggregatetype, aggregateid, \
    aggregate_version, type, payload::text, metadata::text, occurred_at FROM textbook_outbox \
    WHERE status = 'NEW' ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED";

const MARK_EACH: &str =
    "UPDATE textbook_outbox SET status = 'SENT', sent_at = now() WHERE position = $1";

const MARK_ALL: &str =
    "UPDATE textbook_outbox SET status = 'SENT', sent_at = now() WHERE position = ANY($1)";

pub(crate) async fn make(schema: &Schema) -> Result<&'static str, BoxError> {
    schema.admin.batch_execute(TABLE).await?;
    Ok("textbook_outbox")
}

pub(crate) async fn drain(
    schema: &Schema,
    count: u64,
    workers: u16,
    status: Status,
) -> Result<u64, BoxError> {
    let counting = Arc::new(Counting::default());
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        tasks.spawn(work(schema.client().await?, counting.clone(), count, status));
    }
    while let Some(worked) = tasks.join_next().await {
        worked??;
    }
    Ok(counting.count())
}

async fn work(
    client: Client,
    counting: Arc<Counting>,
    count: u64,
    status: Status,
) -> Result<(), BoxError> {
    let claim = client.prepare(CLAIM).await?;
    let mark_each = client.prepare(MARK_EACH).await?;
    let mark_all = client.prepare(MARK_ALL).await?;
    while counting.count() < count {
        client.batch_execute("BEGIN").await?;
        let rows = client.query(&claim, &[&i64::from(BATCH)]).await?;
        let positions: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let payloads: Vec<String> = rows.iter().map(|row| row.get(7)).collect();
        counting.add(std::hint::black_box(payloads).len());
        match status {
            Status::OfAll => drop(client.execute(&mark_all, &[&positions]).await?),
            Status::OfEach => {
                for position in &positions {
                    client.execute(&mark_each, &[position]).await?;
                }
            }
        }
        client.batch_execute("COMMIT").await?;
    }
    Ok(())
}
