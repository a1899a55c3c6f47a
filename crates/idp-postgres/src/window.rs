//! Reads the events of one window.

use crate::decode::{DecodedTime, DecodedUuid};
use crate::error::translate;
use crate::store::PgStore;
use crate::tick::Window;
use idp_application::{
    BoxError, Cursor, Error, ErrorKind, Lane, LoggedEvent, TenantScope, TrackEvent,
};
use idp_domain::{ContentHash, Envelope, EventRecord, TenantId};
use std::fmt::Write;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// Which part of a window to read.
pub(crate) struct Slice<'s> {
    pub(crate) number: i64,
    /// Only events behind this position.
    pub(crate) after: i64,
    /// Only events of these lanes; the whole log when [`Lane::WHOLE`] is among them.
    pub(crate) lanes: &'s [Lane],
    pub(crate) limit: u32,
}

impl PgStore {
    /// The events of a slice, by position, each with its lane.
    pub(crate) async fn slice(
        &self,
        window: &Window,
        slice: &Slice<'_>,
    ) -> Result<Vec<(Lane, LoggedEvent)>, Error> {
        let sql = slice_sql(window, slice);
        let failed = |e| translate("read the outbox", e);
        let checkout = self.pool.checkout().await?;
        let client = checkout.session.client();
        // The bounds stand in the text and the statement is planned on each call: a plan for
        // unknown bounds would read the log from its start.
        let rows = if slice.after == 0 {
            let (rows, first) =
                tokio::join!(client.query_typed(&sql, &[]), client.query_typed(FLOOR, &[]));
            check_there(&first.map_err(failed)?, slice.number)?;
            rows.map_err(failed)?
        } else {
            // A later page of a window that may be large: by position, without sorting the rest of
            // the window again. All three are sent at once; after an error the connection, and with
            // it the transaction, is dropped.
            let (begun, rows, ended, first) = tokio::join!(
                client.batch_execute(IN_ORDER),
                client.query_typed(&sql, &[]),
                client.batch_execute("COMMIT"),
                client.query_typed(FLOOR, &[]),
            );
            begun.map_err(failed)?;
            ended.map_err(failed)?;
            check_there(&first.map_err(failed)?, slice.number)?;
            rows.map_err(failed)?
        };
        checkout.give_back();
        rows.iter().map(|row| logged(row, slice.number)).collect()
    }
}

/// Asked after the rows, in the same round trip: what was read counts only if nothing of the window was
/// purged by then.
const FLOOR: &str = "SELECT window_first FROM idp_log_floor";

fn check_there(floor: &[Row], window: i64) -> Result<(), Error> {
    match floor.first().map(|row| row.get::<_, i64>(0)) {
        Some(first) if window < first => Err(purged(window)),
        _ => Ok(()),
    }
}

/// The error for a window that was purged.
pub(crate) fn purged(window: i64) -> Error {
    let message = format!("window {window} of the log was purged");
    Error::new(ErrorKind::Corrupt, "read the outbox", message)
}

/// Makes the planner follow the primary key, and not compile for the costs that this pretends.
const IN_ORDER: &str = "BEGIN; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; \
                        SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

impl PgStore {
    /// The events of a slice of one lane, by position; those that the scope does not admit without
    /// their envelopes, whose columns never leave the database.
    pub(crate) async fn scoped_slice(
        &self,
        window: &Window,
        slice: &Slice<'_>,
        scope: &TenantScope,
    ) -> Result<Vec<TrackEvent>, Error> {
        let (sql, tenants) = scoped_sql(&slice_sql(window, slice), scope);
        let failed = |e| translate("read the outbox", e);
        let checkout = self.pool.checkout().await?;
        let client = checkout.session.client();
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&tenants, Type::TEXT_ARRAY)];
        let (begun, rows, ended, first) = tokio::join!(
            client.batch_execute(if slice.after == 0 { "BEGIN" } else { IN_ORDER }),
            client.query_typed(&sql, &parameters),
            client.batch_execute("COMMIT"),
            client.query_typed(FLOOR, &[]),
        );
        begun.map_err(failed)?;
        ended.map_err(failed)?;
        check_there(&first.map_err(failed)?, slice.number)?;
        let rows = rows.map_err(failed)?;
        checkout.give_back();
        rows.iter().map(|row| scoped(row, slice.number)).collect()
    }
}

/// The statement for a slice, with nothing but the position of what the scope does not admit.
fn scoped_sql<'s>(slice: &str, scope: &'s TenantScope) -> (String, Vec<&'s str>) {
    let (condition, tenants) = match scope {
        TenantScope::Except(tenants) => ("<> ALL", tenants.iter().map(TenantId::as_str).collect()),
        TenantScope::Only(tenant) => ("= ANY", vec![tenant.as_str()]),
    };
    let columns = EVENT_COLUMNS.split(", ").enumerate().map(|(at, column)| {
        let name = column.trim_end_matches("::text");
        format!("CASE WHEN tenant_id {condition} ($1::text[]) THEN {name} END AS c{at}")
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    (
        format!(
            "SELECT position, tenant_id {condition} ($1::text[]), {columns} FROM ({slice}) AS s ORDER BY position"
        ),
        tenants,
    )
}

fn scoped(row: &Row, window: i64) -> Result<TrackEvent, Error> {
    let read = || {
        let cursor = Cursor { window, position: row.try_get(0)? };
        let is_admitted: bool = row.try_get(1)?;
        let envelope = is_admitted.then(|| envelope(row, 2)).transpose()?;
        Ok::<_, BoxError>(TrackEvent { cursor, envelope })
    };
    read().map_err(|e| {
        let message = format!("an event of the outbox cannot be read: {e}");
        Error::new(ErrorKind::Corrupt, "read the outbox", message)
    })
}

/// The columns of an event, as [`envelope`] expects them.
pub(crate) const EVENT_COLUMNS: &str = "id, tenant_id, aggregatetype, aggregateid, \
    aggregate_version, type, schema_id, schema_version, payload::text, metadata::text, \
    content_hash, occurred_at";

/// What began after the earlier snapshot, or was running in it, and is seen by the later one.
fn slice_sql(window: &Window, slice: &Slice<'_>) -> String {
    let Window { before, until } = window;
    let mut sql = format!(
        "SELECT position, lane, {EVENT_COLUMNS} FROM idp_outbox WHERE (xid >= '{}'::xid8 AND xid < '{}'::xid8",
        before.xmax, until.xmax
    );
    if !before.running.is_empty() {
        sql.push_str(" OR xid = ANY('{");
        join(&mut sql, &before.running);
        sql.push_str("}'::xid8[])");
    }
    let snapshot = &until.text;
    let (after, max) = (slice.after, until.position_max);
    write!(
        sql,
        ") AND pg_visible_in_snapshot(xid, '{snapshot}'::pg_snapshot) AND position > {after} AND position <= {max}"
    )
    .expect("writing to a string does not fail");
    if !slice.lanes.contains(&Lane::WHOLE) {
        sql.push_str(" AND lane = ANY('{");
        let numbers: Vec<i16> = slice.lanes.iter().map(|lane| lane.number()).collect();
        join(&mut sql, &numbers);
        sql.push_str("}'::smallint[])");
    }
    write!(sql, " ORDER BY position LIMIT {}", slice.limit)
        .expect("writing to a string does not fail");
    sql
}

fn join<T: ToString>(sql: &mut String, numbers: &[T]) {
    let numbers: Vec<String> = numbers.iter().map(T::to_string).collect();
    sql.push_str(&numbers.join(","));
}

fn logged(row: &Row, window: i64) -> Result<(Lane, LoggedEvent), Error> {
    read_event(row, window).map_err(|e| {
        let message = format!("an event of the outbox cannot be read: {e}");
        Error::new(ErrorKind::Corrupt, "read the outbox", message)
    })
}

fn read_event(row: &Row, window: i64) -> Result<(Lane, LoggedEvent), BoxError> {
    let cursor = Cursor { window, position: row.try_get(0)? };
    let lane = Lane::from_number(row.try_get(1)?);
    Ok((lane, LoggedEvent { cursor, envelope: envelope(row, 2)? }))
}

/// The event whose columns begin at that one.
pub(crate) fn envelope(row: &Row, first: usize) -> Result<Envelope, BoxError> {
    let metadata: &str = row.try_get(first + 9)?;
    let schema_version: i32 = row.try_get(first + 7)?;
    let record = EventRecord {
        event_id: row.try_get::<_, DecodedUuid>(first)?.0,
        occurred_at: row.try_get::<_, DecodedTime>(first + 11)?.0,
        tenant: TenantId::new(row.try_get(first + 1)?)?,
        aggregate_type: row.try_get::<_, String>(first + 2)?.into(),
        aggregate_id: row.try_get::<_, DecodedUuid>(first + 3)?.0,
        aggregate_version: row.try_get(first + 4)?,
        event_type: row.try_get::<_, String>(first + 5)?.into(),
        schema_id: row.try_get::<_, String>(first + 6)?.into(),
        schema_version: u32::try_from(schema_version)?,
        payload: row.try_get(first + 8)?,
        metadata: EventRecord::metadata_from_json(metadata)?,
    };
    let hash: ContentHash = row.try_get::<_, &str>(first + 10)?.parse()?;
    Ok(Envelope::restore(record, hash))
}
