//! Drops the front of the log: one write transaction, so nobody joins, reads or writes in between.

use crate::error::translate;
use crate::lease;
use idp_application::{
    Cursor, Error, ErrorKind, LaggingReader, Lane, LogHold, PurgeBlock, PurgePolicy, PurgeReport,
};
use idp_domain::{TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Every place of every reader, with the position of the first event that it has not passed.
const PLACES: &str = "
    WITH place AS (
      SELECT reader, lane, NULL AS tenant_id, position FROM idp_reader_lane
      UNION ALL SELECT reader, lane, tenant_id, position FROM idp_tenant_track
    )
    SELECT p.reader, p.lane, p.tenant_id, p.position,
           CASE WHEN p.lane = -1
             THEN (SELECT min(o.position) FROM idp_outbox AS o WHERE o.position > p.position)
             ELSE (SELECT min(o.position) FROM idp_outbox AS o
                    WHERE o.lane = p.lane AND o.position > p.position) END AS next
      FROM place AS p";

const GONE: &str = "SELECT position, events FROM idp_log_gone WHERE lane = ?1";

const END: &str = "SELECT coalesce((SELECT max(position) FROM idp_outbox), ?1)";

const FIRST_HOLD: &str =
    "SELECT name, position, since FROM idp_log_hold ORDER BY position, name LIMIT 1";

/// The last position before the first event that is young.
const YOUNG: &str = "
    SELECT position - 1 FROM idp_outbox WHERE occurred_at > ?1 AND position <= ?2
     ORDER BY position LIMIT 1";

const LIMITED: &str = "SELECT position FROM idp_outbox ORDER BY position LIMIT 1 OFFSET ?1";

const COUNT: &str = "
    INSERT INTO idp_log_gone (lane, position, events)
    SELECT lane, max(position), count(*) FROM idp_outbox WHERE position <= ?1 GROUP BY lane
    UNION ALL SELECT -1, ?1, count(*) FROM idp_outbox WHERE position <= ?1
    ON CONFLICT (lane) DO UPDATE
      SET position = excluded.position, events = events + excluded.events";

const DROP: &str = "DELETE FROM idp_outbox WHERE position <= ?1";

const OCCURRED: &str = "SELECT occurred_at FROM idp_outbox WHERE position = ?1";

/// What was dropped of a lane.
pub(crate) struct Gone {
    /// Up to which position.
    pub(crate) position: i64,
    /// How many events.
    pub(crate) events: i64,
}

/// What was dropped of a lane, or of the whole log.
pub(crate) fn gone(connection: &Connection, lane: Lane) -> rusqlite::Result<Gone> {
    let read = |row: &Row<'_>| Ok(Gone { position: row.get(0)?, events: row.get(1)? });
    let found = connection.prepare_cached(GONE)?.query_row([lane.number()], read).optional()?;
    Ok(found.unwrap_or(Gone { position: 0, events: 0 }))
}

/// Fails when something was dropped behind one of the places, in the same snapshot in which it is read.
pub(crate) fn check_there(
    connection: &Connection,
    places: impl Iterator<Item = (Lane, Cursor)>,
) -> Result<(), Error> {
    let gone = |lane| gone(connection, lane).map_err(|e| translate("read", e));
    let of_all = gone(Lane::WHOLE)?.position;
    for (lane, cursor) in places.filter(|(_, cursor)| cursor.position < of_all) {
        if cursor.position < gone(lane)?.position {
            let message = format!("what {lane:?} holds behind its cursor was purged");
            return Err(Error::new(ErrorKind::Corrupt, "read", message));
        }
    }
    Ok(())
}

/// A place of a reader, and the position of the first event that it has not passed.
pub(crate) struct Lagging {
    pub(crate) next: Option<i64>,
    pub(crate) place: LaggingReader,
}

/// Every place of every reader.
pub(crate) fn lagging(connection: &Connection) -> rusqlite::Result<Vec<Lagging>> {
    let mut statement = connection.prepare_cached(PLACES)?;
    let rows = statement.query_map([], |row| {
        let tenant: Option<String> = row.get(2)?;
        let position = row.get(3)?;
        let place = LaggingReader {
            reader: row.get(0)?,
            lane: Lane::from_number(row.get(1)?),
            tenant: tenant.and_then(|tenant| TenantId::new(&tenant).ok()),
            cursor: Cursor { window: 0, position },
            since: None,
        };
        Ok(Lagging { next: row.get(4)?, place })
    })?;
    rows.collect()
}

/// The place with the time of the first event that it has not passed.
pub(crate) fn dated(connection: &Connection, lagging: Lagging) -> rusqlite::Result<LaggingReader> {
    let Lagging { next, mut place } = lagging;
    if let Some(next) = next {
        let micros =
            connection.prepare_cached(OCCURRED)?.query_row([next], |row| row.get(0)).optional()?;
        place.since = micros.map(Timestamp::from_unix_micros);
    }
    Ok(place)
}

pub(crate) fn hold(row: &Row<'_>) -> rusqlite::Result<LogHold> {
    Ok(LogHold {
        name: row.get(0)?,
        from: Cursor { window: 0, position: row.get(1)? },
        since: Timestamp::from_unix_micros(row.get(2)?),
    })
}

/// The last position of the log.
pub(crate) fn end(connection: &Connection) -> rusqlite::Result<i64> {
    let start = gone(connection, Lane::WHOLE)?.position;
    connection.prepare_cached(END)?.query_row([start], |row| row.get(0))
}

pub(crate) fn purge(
    connection: &Connection,
    policy: &PurgePolicy,
) -> rusqlite::Result<PurgeReport> {
    let end = end(connection)?;
    let (through, blocked_by) = droppable(connection, policy, end)?;
    connection.prepare_cached(COUNT)?.execute([through])?;
    let dropped = connection.prepare_cached(DROP)?.execute([through])?;
    Ok(PurgeReport { events_dropped: u64::try_from(dropped).unwrap_or(u64::MAX), blocked_by })
}

/// Up to which position may be dropped, and what keeps the rest.
fn droppable(
    connection: &Connection,
    policy: &PurgePolicy,
    end: i64,
) -> rusqlite::Result<(i64, Option<PurgeBlock>)> {
    let reached = |lagging: &Lagging| lagging.next.map_or(end, |next| next - 1);
    let start = gone(connection, Lane::WHOLE)?.position;
    let Some(last) = lagging(connection)?.into_iter().min_by_key(reached) else {
        return Ok((start, Some(PurgeBlock::NoReader)));
    };
    let mut bounds = vec![(reached(&last), PurgeBlock::Reader(dated(connection, last)?))];
    if let Some(hold) = connection.prepare_cached(FIRST_HOLD)?.query_row([], hold).optional()? {
        bounds.push((hold.from.position, PurgeBlock::Hold(hold)));
    }
    bounds.push((beyond(connection, policy, end)?, PurgeBlock::Policy));
    let limit = i64::try_from(policy.events_max - 1).unwrap_or(i64::MAX);
    let limited = connection.prepare_cached(LIMITED)?.query_row([limit], |row| row.get(0));
    bounds.push((limited.optional()?.unwrap_or(end), PurgeBlock::Limit));
    let least = bounds.into_iter().min_by_key(|(through, _)| *through);
    Ok(match least {
        Some((through, block)) if through < end => (through.max(start), Some(block)),
        _ => (end, None),
    })
}

/// Up to which position the policy keeps nothing.
fn beyond(connection: &Connection, policy: &PurgePolicy, end: i64) -> rusqlite::Result<i64> {
    let keep = i64::try_from(policy.keep_events).unwrap_or(i64::MAX);
    let end = end.saturating_sub(keep).max(0);
    if policy.keep_for.is_zero() {
        return Ok(end);
    }
    let micros = i64::try_from(policy.keep_for.as_micros()).unwrap_or(i64::MAX);
    let since = lease::now(connection)?.saturating_sub(micros);
    let young = connection.prepare_cached(YOUNG)?.query_row([since, end], |row| row.get(0));
    Ok(young.optional()?.unwrap_or(end))
}

/// Where a new reader begins in a lane, and what it must not be given again.
const NEW_LANE: &str = "
    INSERT INTO idp_reader_lane (reader, lane, position, sequence, missed, epoch, side_sequence)
    SELECT ?1, ?2, ?3, ?4, ?4, coalesce(max(epoch), 0), coalesce(max(side_sequence), 0)
      FROM idp_reader_gone WHERE reader = ?1 AND lane = ?2";

/// Lets a new reader begin where the log begins.
pub(crate) fn begin(connection: &Connection, reader: &str, lane: i16) -> rusqlite::Result<()> {
    let Gone { position, events } = gone(connection, Lane::from_number(lane))?;
    let mut insert = connection.prepare_cached(NEW_LANE)?;
    insert.execute(params![reader, lane, position, events]).map(drop)
}
