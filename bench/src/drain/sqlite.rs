//! Drains from a file of SQLite, by one worker: there is one writer at a time.

use super::contender::Contender;
use super::counting::Counting;
use super::message::{Columns, MessagesByHand};
use super::options::Options;
use super::ours::{self, Workers};
use super::results::{Cell, Drained, Results, Sample};
use super::textbook::Status;
use super::{BATCH, PAGE};
use crate::BoxError;
use idp_application::Migrate;
use idp_domain::TenantId;
use idp_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::{Connection, Row, Statement};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::spawn_blocking;
use uuid::Uuid;

pub(crate) const PLACE: &str = "SQLite";

const FILL: &str = "
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
    INSERT INTO idp_outbox (lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version, type,
      schema_id, schema_version, payload, metadata, content_hash, occurred_at)
    SELECT n % 64, randomblob(16), 'tenant-' || n % 10, 'parcel',
      CAST(printf('%016d', n % 10000) AS BLOB), n / 10000 + 1, 'parcel.moved', 'parcel.moved', 1,
      json_object('from', 'A-' || n, 'to', 'B-' || n, 'note', printf('%.120c', 'x')),
      '{\"actor\":\"bench\"}', 'sha256:' || printf('%.64c', '0'), 1700000000000000 + n
    FROM number";

const REFILL: &str = "
    DROP TABLE IF EXISTS textbook_outbox;
    CREATE TABLE textbook_outbox (
      position INTEGER PRIMARY KEY, status TEXT NOT NULL DEFAULT 'NEW',
      retry_count INTEGER NOT NULL DEFAULT 0, lane INTEGER NOT NULL, id BLOB NOT NULL,
      tenant_id TEXT NOT NULL, aggregatetype TEXT NOT NULL, aggregateid BLOB NOT NULL,
      aggregate_version INTEGER NOT NULL, type TEXT NOT NULL, schema_id TEXT NOT NULL,
      schema_version INTEGER NOT NULL, payload TEXT NOT NULL, metadata TEXT NOT NULL,
      content_hash TEXT NOT NULL, occurred_at INTEGER NOT NULL, sent_at INTEGER
    ) STRICT;
    INSERT INTO textbook_outbox (position, lane, id, tenant_id, aggregatetype, aggregateid,
      aggregate_version, type, schema_id, schema_version, payload, metadata, content_hash, occurred_at)
    SELECT position, lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version, type,
      schema_id, schema_version, payload, metadata, content_hash, occurred_at FROM idp_outbox;
    CREATE INDEX textbook_new ON textbook_outbox (position) WHERE status = 'NEW'";

const COLUMNS: &str = "position, lane, id, tenant_id, aggregatetype, aggregateid, \
    aggregate_version, type, schema_id, schema_version, payload, metadata, content_hash, occurred_at";

pub(crate) async fn measure(
    backlog: u64,
    options: &Options,
    results: &mut Results,
) -> Result<(), BoxError> {
    let rounds = options.rounds(backlog);
    let wants = |contender: Contender| options.wants(&format!("{PLACE}, {}", contender.title()));
    if backlog > options.sqlite_max || !Contender::ALL.into_iter().any(wants) {
        return Ok(());
    }
    eprintln!("{PLACE}, {backlog} events, {rounds} rounds");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.db");
    SqliteStore::open(&path, SqliteOptions::default())?.migrate(&[]).await?;
    open(&path)?.execute(FILL, [i64::try_from(backlog)?])?;
    let cell = Cell { place: PLACE, backlog, workers: 1, is_held: false };
    for round in 0..rounds {
        let mut contenders = Contender::ALL;
        contenders.rotate_left(round % Contender::ALL.len());
        for contender in contenders.into_iter().filter(|contender| wants(*contender)) {
            let drained = drain(&path, contender, contender.part_of(backlog)).await?;
            let sample = Sample { drained, wal: None, replaced: None, dead: None };
            results.add(cell, contender.title(), sample);
        }
    }
    Ok(())
}

async fn drain(path: &Path, contender: Contender, part: u64) -> Result<Drained, BoxError> {
    if let Contender::Textbook(_) = contender {
        open(path)?.execute_batch(REFILL)?;
    }
    open(path)?.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let connection = open(path)?;
    match contender {
        Contender::Ours => {
            let store = Arc::new(SqliteStore::open(path, SqliteOptions::default())?);
            Workers::warm(vec![store], ours::config()).await?.drain(part).await
        }
        Contender::Bare => spawn_blocking(move || bare(&connection, part)).await?,
        Contender::Textbook(status) => {
            spawn_blocking(move || textbook(&connection, part, status)).await?
        }
    }
}

/// As the store opens it.
fn open(path: &Path) -> Result<Connection, BoxError> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
    Ok(connection)
}

fn bare(connection: &Connection, count: u64) -> Result<Drained, BoxError> {
    let mut page = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM idp_outbox WHERE position > ?1 ORDER BY position LIMIT ?2"
    ))?;
    let (counting, mut by_hand) = (Counting::default(), MessagesByHand::default());
    let mut position = 0;
    let start = Instant::now();
    while counting.count() < count {
        let mut rows = page.query([position, i64::from(PAGE)])?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            let columns = columns(row)?;
            position = columns.position;
            messages.push(by_hand.message(columns)?);
        }
        if messages.is_empty() {
            return Err("the log ended early".into());
        }
        counting.take(&messages);
    }
    Ok(Drained { events: counting.count(), took: start.elapsed() })
}

/// Without SKIP LOCKED, which SQLite has no need for: the claim is the only writer.
fn textbook(connection: &Connection, count: u64, status: Status) -> Result<Drained, BoxError> {
    let mut claim = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM textbook_outbox WHERE status = 'NEW' ORDER BY position LIMIT ?1"
    ))?;
    let set = "UPDATE textbook_outbox SET status = 'SENT', sent_at = unixepoch() WHERE position";
    let mut mark = connection.prepare(&match status {
        Status::OfEach => format!("{set} = ?1"),
        Status::OfAll => format!("{set} IN (SELECT value FROM json_each(?1))"),
    })?;
    let (counting, mut by_hand) = (Counting::default(), MessagesByHand::default());
    let start = Instant::now();
    while counting.count() < count {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut rows = claim.query([BATCH])?;
        let (mut positions, mut messages) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let columns = columns(row)?;
            positions.push(columns.position);
            messages.push(by_hand.message(columns)?);
        }
        drop(rows);
        counting.take(&messages);
        self::mark(&mut mark, &positions, status)?;
        connection.execute_batch("COMMIT")?;
    }
    Ok(Drained { events: counting.count(), took: start.elapsed() })
}

fn mark(mark: &mut Statement<'_>, positions: &[i64], status: Status) -> Result<(), BoxError> {
    match status {
        Status::OfAll => drop(mark.execute([serde_json::to_string(positions)?])?),
        Status::OfEach => {
            for position in positions {
                mark.execute([position])?;
            }
        }
    }
    Ok(())
}

fn columns(row: &Row<'_>) -> Result<Columns, BoxError> {
    let id = |at| row.get_ref(at)?.as_blob().map_err(BoxError::from);
    let text = |at| row.get_ref(at)?.as_str().map_err(BoxError::from);
    Ok(Columns {
        position: row.get(0)?,
        lane: row.get(1)?,
        id: Uuid::from_slice(id(2)?)?,
        tenant: TenantId::new(text(3)?)?,
        aggregate_type: row.get(4)?,
        aggregate_id: Uuid::from_slice(id(5)?)?,
        aggregate_version: row.get(6)?,
        event_type: row.get(7)?,
        schema_id: row.get(8)?,
        schema_version: row.get(9)?,
        payload: row.get(10)?,
        metadata: serde_json::from_str(text(11)?)?,
        content_hash: text(12)?.parse()?,
        micros: row.get(13)?,
    })
}
