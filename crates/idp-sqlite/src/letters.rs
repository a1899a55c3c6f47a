//! What operators see of events that could not be delivered.

use crate::error::translate;
use crate::log::{envelope, event_columns, key, uuid};
use crate::value::{BoundUuid, instant};
use idp_application::{
    DeadLetterRecord, DeliveryKey, Error, ErrorKind, Lane, LaneCount, ParkedEvent, ParkedKey,
};
use idp_domain::{TenantId, Uuid};
use rusqlite::{Connection, Row, ToSql, params};
use std::cmp::Ordering;

macro_rules! parked_keys {
    ($condition:literal) => {
        concat!(
            "SELECT k.tenant_id, k.aggregateid, k.lane, k.state = 'parked', \
             (SELECT count(*) FROM idp_set_aside AS a \
               WHERE a.reader = k.reader AND a.lane = k.lane AND a.tenant_id = k.tenant_id \
                 AND a.aggregateid = k.aggregateid AND a.reason <> 'scheduled'), \
             k.attempts, k.last_error, k.since, k.revision \
             FROM idp_parked_key AS k WHERE k.reader = ?1 AND ",
            $condition,
            " ORDER BY k.tenant_id, k.aggregateid LIMIT ?4"
        )
    };
}

const PARKED: &str = parked_keys!("(k.tenant_id, k.aggregateid) > (?2, ?3)");

const PARKED_OF_TENANT: &str = parked_keys!("k.tenant_id = ?2 AND k.aggregateid > ?3");

const PARKED_KEY: &str = parked_keys!("k.tenant_id = ?2 AND k.aggregateid = ?3");

/// A key is in its own lane, or in the one that is the whole log.
const EVENTS: &str = concat!(
    "SELECT sequence, ",
    event_columns!(),
    ", is_edited, side_sequence IS NOT NULL FROM idp_set_aside \
      WHERE reader = ?1 AND lane IN (-1, ?2) AND tenant_id = ?3 AND aggregateid = ?4 \
        AND reason <> 'scheduled' \
      ORDER BY sequence"
);

const RECORDS: &str = "
    SELECT tenant_id, aggregateid, id, at, actor, action, reason, payload_before
      FROM idp_dead_letter_record WHERE reader = ?1
     ORDER BY id DESC LIMIT ?2";

const RECORD_EVENTS: &str =
    "SELECT event_id FROM idp_dead_letter_event WHERE record = ?1 ORDER BY number";

/// No key stands before this one.
const FIRST: &[u8] = &[];

pub(crate) fn parked(
    connection: &Connection,
    reader: &str,
    tenant: Option<&TenantId>,
    after: Option<&DeliveryKey>,
    limit: u32,
) -> Result<Vec<ParkedKey>, Error> {
    let after_tenant = after.map_or("", |after| after.tenant.as_str());
    let after_aggregate = after.map_or(FIRST, |after| after.aggregate_id.as_bytes());
    let Some(tenant) = tenant else {
        let parameters = params![reader, after_tenant, after_aggregate, limit];
        return parked_keys(connection, PARKED, parameters);
    };
    let start = match after_tenant.cmp(tenant.as_str()) {
        Ordering::Less => FIRST,
        Ordering::Equal => after_aggregate,
        Ordering::Greater => return Ok(Vec::new()),
    };
    let parameters = params![reader, tenant.as_str(), start, limit];
    parked_keys(connection, PARKED_OF_TENANT, parameters)
}

/// One key, if it is parked or resumed.
pub(crate) fn parked_key(
    connection: &Connection,
    reader: &str,
    key: &DeliveryKey,
) -> Result<Option<ParkedKey>, Error> {
    let parameters = params![reader, key.tenant.as_str(), BoundUuid(key.aggregate_id), 1];
    Ok(parked_keys(connection, PARKED_KEY, parameters)?.pop())
}

fn parked_keys(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
) -> Result<Vec<ParkedKey>, Error> {
    let failed = |e| translate("parked", e);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map(parameters, parked_key_of).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?.ok_or_else(|| unreadable("a parked key"))).collect()
}

/// The key in a row; `None` when a column holds what it should not.
fn parked_key_of(row: &Row<'_>) -> rusqlite::Result<Option<ParkedKey>> {
    let Some((key, since)) = key(row, 0).zip(instant(row.get(7)?)) else { return Ok(None) };
    Ok(Some(ParkedKey {
        key,
        lane: Lane::from_number(row.get(2)?),
        is_parked: row.get(3)?,
        events: row.get(4)?,
        attempts: row.get(5)?,
        last_error: row.get(6)?,
        since,
        revision: row.get(8)?,
    }))
}

/// The events that block a key, in the order of the log.
pub(crate) fn events(
    connection: &Connection,
    reader: &str,
    key: &DeliveryKey,
    lanes: LaneCount,
) -> Result<Vec<ParkedEvent>, Error> {
    let failed = |e| translate("events", e);
    let lane = Lane::of(&key.tenant, key.aggregate_id, lanes).number();
    let parameters = params![reader, lane, key.tenant.as_str(), BoundUuid(key.aggregate_id)];
    let mut statement = connection.prepare_cached(EVENTS).map_err(failed)?;
    let event = |row: &Row<'_>| {
        let (sequence, is_edited, is_numbered) = (row.get(0)?, row.get(13)?, row.get(14)?);
        let envelope = envelope(row);
        Ok(envelope.map(|envelope| ParkedEvent { sequence, envelope, is_edited, is_numbered }))
    };
    let rows = statement.query_map(parameters, event).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?.ok_or_else(|| unreadable("an event"))).collect()
}

pub(crate) fn records(
    connection: &Connection,
    reader: &str,
    limit: u32,
) -> Result<Vec<DeadLetterRecord>, Error> {
    let failed = |e| translate("records", e);
    // One snapshot, taken once. Dropping it ends it.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let mut statement = snapshot.prepare_cached(RECORDS).map_err(failed)?;
    let mut rows = statement.query(params![reader, limit]).map_err(failed)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let events = record_events(&snapshot, row.get(2).map_err(failed)?)?;
        let record = record_of(row, events).map_err(failed)?;
        records.push(record.ok_or_else(|| unreadable("a record"))?);
    }
    Ok(records)
}

/// The record in a row; `None` when a column holds what it should not.
fn record_of(row: &Row<'_>, events: Vec<Uuid>) -> rusqlite::Result<Option<DeadLetterRecord>> {
    let Some((key, at)) = key(row, 0).zip(instant(row.get(3)?)) else { return Ok(None) };
    Ok(Some(DeadLetterRecord {
        at,
        actor: row.get(4)?,
        action: row.get(5)?,
        key,
        events,
        reason: row.get(6)?,
        payload_before: row.get(7)?,
    }))
}

fn record_events(connection: &Connection, record: i64) -> Result<Vec<Uuid>, Error> {
    let failed = |e| translate("records", e);
    let mut statement = connection.prepare_cached(RECORD_EVENTS).map_err(failed)?;
    let rows = statement.query_map([record], |row| Ok(uuid(row, 0))).map_err(failed)?;
    rows.map(|event| event.map_err(failed)?.ok_or_else(|| unreadable("a record"))).collect()
}

pub(crate) fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "read dead letters", format!("{what} cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_seek;

    #[test]
    fn each_statement_is_one_seek() {
        let blocking = "(reader=? AND lane=? AND tenant_id=? AND aggregateid=?)";
        for sql in [PARKED, PARKED_OF_TENANT, PARKED_KEY, EVENTS] {
            assert_seek(sql, blocking);
        }
    }
}
