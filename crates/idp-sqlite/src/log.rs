//! The rows of the log. Commits follow one another, so what is visible in the order of positions is final,
//! and there is one window of visibility, number 0.

use crate::error::translate;
use crate::value::instant;
use idp_application::{Cursor, DeliveryKey, Error, ErrorKind, Lane, LoggedEvent};
use idp_domain::{Envelope, EventRecord, TenantId, Uuid};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, Rows, params};

/// The columns of an event, as [`envelope`] expects them behind a first column.
macro_rules! event_columns {
    () => {
        "id, tenant_id, aggregatetype, aggregateid, aggregate_version, type, schema_id, \
         schema_version, payload, metadata, content_hash, occurred_at"
    };
}

pub(crate) use event_columns;

pub(crate) const COLUMNS: &str = concat!("position, ", event_columns!());

/// The position of the next event of the lane.
pub(crate) fn head(
    connection: &Connection,
    lane: Lane,
    after: i64,
) -> rusqlite::Result<Option<i64>> {
    with_rows(connection, (lane, after), "position", 1, |rows| {
        rows.next()?.map(|row| row.get(0)).transpose()
    })
}

/// Runs the query for what stands behind a position of a lane.
pub(crate) fn with_rows<T>(
    connection: &Connection,
    (lane, after): (Lane, i64),
    columns: &str,
    limit: usize,
    collect: impl FnOnce(&mut Rows<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&behind_cursor(columns, lane))?;
    collect(&mut statement.query(params![lane.number(), after, limit])?)
}

fn behind_cursor(columns: &str, lane: Lane) -> String {
    let in_lane = if lane == Lane::WHOLE { "?1 = ?1" } else { "lane = ?1" };
    format!(
        "SELECT {columns} FROM idp_outbox WHERE {in_lane} AND position > ?2 \
         ORDER BY position LIMIT ?3"
    )
}

pub(crate) fn logged_event(row: &Row<'_>) -> Result<LoggedEvent, Error> {
    let position = row.get(0).map_err(|e| translate("read", e))?;
    let envelope = envelope(row).ok_or_else(|| {
        let message = format!("the event at position {position} cannot be read");
        Error::new(ErrorKind::Corrupt, "read", message)
    })?;
    Ok(LoggedEvent { cursor: Cursor { window: 0, position }, envelope })
}

/// The event in a row, behind its first column; `None` when a column holds what it should not.
pub(crate) fn envelope(row: &Row<'_>) -> Option<Envelope> {
    let record = EventRecord {
        event_id: uuid(row, 1)?,
        tenant: TenantId::new(text(row, 2)?).ok()?,
        aggregate_type: text(row, 3)?.to_owned().into(),
        aggregate_id: uuid(row, 4)?,
        aggregate_version: number(row, 5)?,
        event_type: text(row, 6)?.to_owned().into(),
        schema_id: text(row, 7)?.to_owned().into(),
        schema_version: number(row, 8)?,
        payload: text(row, 9)?.to_owned(),
        metadata: serde_json::from_str(text(row, 10)?).ok()?,
        occurred_at: instant(number(row, 12)?)?,
    };
    Some(Envelope::restore(record, text(row, 11)?.parse().ok()?))
}

/// The key in two columns of a row; `None` when they hold what they should not.
pub(crate) fn key(row: &Row<'_>, first: usize) -> Option<DeliveryKey> {
    let tenant = TenantId::new(text(row, first)?).ok()?;
    Some(DeliveryKey { tenant, aggregate_id: uuid(row, first + 1)? })
}

pub(crate) fn text<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

pub(crate) fn uuid(row: &Row<'_>, column: usize) -> Option<Uuid> {
    Uuid::from_slice(row.get_ref(column).ok()?.as_blob().ok()?).ok()
}

fn number<T: FromSql>(row: &Row<'_>, column: usize) -> Option<T> {
    row.get(column).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(sql: &str) -> String {
        let connection = Connection::open_in_memory().expect("memory opens");
        connection.execute_batch(include_str!("../sql/tables.sql")).expect("the tables are made");
        connection
            .query_row(&format!("EXPLAIN QUERY PLAN {sql}"), params![0, 0, 1], |row| row.get(3))
            .expect("one step: nothing is sorted")
    }

    #[test]
    fn a_lane_is_read_by_one_seek_in_its_index() {
        let plan = plan_of(&behind_cursor(COLUMNS, Lane::from_number(3)));
        assert_eq!(plan, "SEARCH idp_outbox USING INDEX idp_outbox_lane (lane=? AND rowid>?)");
    }

    #[test]
    fn the_next_position_of_a_lane_is_found_in_the_index_alone() {
        let plan = plan_of(&behind_cursor("position", Lane::from_number(3)));
        assert!(plan.contains("USING COVERING INDEX idp_outbox_lane"), "{plan}");
    }

    #[test]
    fn the_whole_log_is_read_by_position() {
        let plan = plan_of(&behind_cursor(COLUMNS, Lane::WHOLE));
        assert_eq!(plan, "SEARCH idp_outbox USING INTEGER PRIMARY KEY (rowid>?)");
    }
}
