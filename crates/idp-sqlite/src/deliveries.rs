//! Events that are set aside and sent later, each step one write transaction.

use crate::error::translate;
use crate::letters::unreadable;
use crate::log::key;
use crate::set_aside::Place;
use crate::store::SqliteStore;
use crate::{lease, side_track};
use idp_application::{
    BlockedKey, BoxFuture, Cursor, Deliveries, DeliveryKey, Due, Error, Lane, LaneLease,
    LaneProgress, LaneRecord, Reader, Settled, Settlement,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

const PLACE: &str = "
    SELECT \"window\", position, sequence FROM idp_reader_lane
     WHERE reader = ?1 AND lane = ?2 AND epoch = ?3 AND owner IS NOT NULL";

const BLOCKED: &str = "
    SELECT tenant_id, aggregateid, count(*) FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND reason <> 'scheduled'
     GROUP BY tenant_id, aggregateid";

const ACKNOWLEDGED: &str = "
    SELECT DISTINCT tenant_id, aggregateid FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND side_sequence IS NOT NULL AND side_sequence <= ?3";

const REMOVE: &str = "
    DELETE FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND side_sequence IS NOT NULL AND side_sequence <= ?3";

const REFUSE: &str = "
    UPDATE idp_set_aside SET reason = 'refused', deliver_at = NULL
     WHERE reader = ?1 AND lane = ?2 AND side_sequence = ?3
    RETURNING tenant_id, aggregateid";

const TAKE_NUMBERS: &str = "
    UPDATE idp_set_aside SET side_sequence = NULL
     WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?3 AND aggregateid = ?4
       AND side_sequence IS NOT NULL";

/// Records progress, with what was set aside on the way; false when the epoch is an old one.
fn record(
    connection: &Connection,
    reader: &str,
    record: &LaneRecord,
    (now, until): (i64, i64),
) -> rusqlite::Result<bool> {
    let LaneRecord { progress, aside } = record;
    if !aside.is_empty() {
        let Some((cursor, sequence)) = place(connection, reader, progress)? else {
            return Ok(false);
        };
        // What stands before the place was set aside when that place was recorded.
        let passed = sequence + 1..=progress.sequence;
        let is_new = progress.cursor > cursor;
        for aside in aside.iter().filter(|aside| is_new && passed.contains(&aside.sequence)) {
            let key = DeliveryKey::of(&aside.envelope);
            Place { reader, lane: progress.lane, key: &key }.insert(connection, aside, now)?;
        }
    }
    lease::advance(connection, reader, progress, until)
}

/// How far the lane was read before; `None` when the epoch is an old one.
pub(crate) fn place(
    connection: &Connection,
    reader: &str,
    progress: &LaneProgress,
) -> rusqlite::Result<Option<(Cursor, i64)>> {
    let mut statement = connection.prepare_cached(PLACE)?;
    let parameters = params![reader, progress.lane.number(), progress.epoch];
    let place =
        |row: &Row<'_>| Ok((Cursor { window: row.get(0)?, position: row.get(1)? }, row.get(2)?));
    statement.query_row(parameters, place).optional()
}

fn settle(
    connection: &Connection,
    reader: &str,
    settlement: &Settlement,
) -> Result<Settled, Error> {
    let failed = |e| translate("settle", e);
    let Settlement { lane, epoch, through, refused } = settlement;
    let progress =
        LaneProgress { lane: *lane, epoch: *epoch, cursor: Cursor::default(), sequence: 0 };
    if place(connection, reader, &progress).map_err(failed)?.is_none() {
        return Ok(Settled::Fenced);
    }
    let keys = acknowledge(connection, reader, *lane, *through)?;
    if let Some((number, error)) = refused {
        refuse(connection, (reader, *lane), *number, error)?;
    }
    let mut unblocked = Vec::with_capacity(keys.len());
    for key in keys {
        let place = Place { reader, lane: *lane, key: &key };
        if place.forget_unblocked(connection).map_err(failed)? {
            unblocked.push(key);
        }
    }
    Ok(Settled::Done { unblocked })
}

/// Removes what was acknowledged; returns the keys of it.
fn acknowledge(
    connection: &Connection,
    reader: &str,
    lane: Lane,
    through: i64,
) -> Result<Vec<DeliveryKey>, Error> {
    let failed = |e| translate("settle", e);
    let parameters = params![reader, lane.number(), through];
    let mut acknowledged = connection.prepare_cached(ACKNOWLEDGED).map_err(failed)?;
    let keys = acknowledged.query_map(parameters, |row| Ok(key(row, 0))).map_err(failed)?;
    let keys = keys.map(|key| key.map_err(failed)?.ok_or_else(|| unreadable("a key")));
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    if !keys.is_empty() {
        let mut remove = connection.prepare_cached(REMOVE).map_err(failed)?;
        remove.execute(parameters).map_err(failed)?;
    }
    Ok(keys)
}

/// Parks the key of a number, whose events lose theirs. Nothing, when nobody has the number.
fn refuse(
    connection: &Connection,
    (reader, lane): (&str, Lane),
    number: i64,
    error: &str,
) -> Result<(), Error> {
    let failed = |e| translate("settle", e);
    let mut refuse = connection.prepare_cached(REFUSE).map_err(failed)?;
    let parameters = params![reader, lane.number(), number];
    let refused = refuse.query_row(parameters, |row| Ok(key(row, 0))).optional();
    let Some(key) = refused.map_err(failed)? else { return Ok(()) };
    let key = key.ok_or_else(|| unreadable("a key"))?;
    let place = Place { reader, lane, key: &key };
    place.execute(connection, TAKE_NUMBERS, &[]).map_err(failed)?;
    let now = lease::now(connection).map_err(failed)?;
    place.park(connection, error, now).map_err(failed)
}

fn blocked(
    connection: &Connection,
    reader: &str,
    lanes: &[Lane],
) -> Result<Vec<BlockedKey>, Error> {
    let failed = |e| translate("blocked", e);
    let mut statement = connection.prepare_cached(BLOCKED).map_err(failed)?;
    let mut blocked = Vec::new();
    for lane in lanes {
        let parameters = params![reader, lane.number()];
        let rows = statement.query_map(parameters, |row| Ok((key(row, 0), row.get(2)?)));
        for row in rows.map_err(failed)? {
            let (key, events) = row.map_err(failed)?;
            let key = key.ok_or_else(|| unreadable("a key"))?;
            blocked.push(BlockedKey { lane: *lane, key, events });
        }
    }
    Ok(blocked)
}

impl Deliveries for SqliteStore {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        let (reader, lanes) = (reader.name.clone(), lanes.to_vec());
        Box::pin(self.readers.aside(move |connection| blocked(connection, &reader, &lanes)))
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            if records.is_empty() {
                return Ok(Vec::new());
            }
            let (reader, records) = (reader.name.clone(), records.to_vec());
            let work = move |connection: &Connection| {
                let now = lease::now(connection)?;
                let times = (now, lease::after(now, lease_ttl));
                let mut held = Vec::with_capacity(records.len());
                for one in &records {
                    if record(connection, &reader, one, times)? {
                        held.push(one.progress.lane);
                    }
                }
                Ok(held)
            };
            let work = move |c: &Connection| work(c).map_err(|e| translate("record", e));
            self.writer.run("record", work).await
        })
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        Box::pin(async move {
            let (name, held) = (reader.name.clone(), leases.to_vec());
            let look = move |connection: &Connection| {
                side_track::look(connection, &name, &held).map_err(|e| translate("due", e))
            };
            if let Some(due) = self.readers.aside(look).await? {
                return Ok(due);
            }
            let (name, held) = (reader.name.clone(), leases.to_vec());
            let due = move |c: &Connection| side_track::due(c, &name, &held, limit);
            self.writer.run("due", due).await
        })
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        Box::pin(async move {
            settlement.check()?;
            let (reader, settlement) = (reader.name.clone(), settlement.clone());
            let settle = move |c: &Connection| settle(c, &reader, &settlement);
            self.writer.run("settle", settle).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_seek;

    #[test]
    fn each_statement_is_one_seek() {
        assert_seek(BLOCKED, "idp_set_aside_blocking (reader=? AND lane=?)");
        assert_seek(ACKNOWLEDGED, "idp_set_aside_numbered (reader=? AND lane=?");
        assert_seek(REMOVE, "idp_set_aside_numbered (reader=? AND lane=?");
        assert_seek(REFUSE, "idp_set_aside_numbered (reader=? AND lane=? AND side_sequence=?)");
        assert_seek(TAKE_NUMBERS, "(reader=? AND lane=?");
    }
}
