//! What is due on the side tracks: found by those who read, numbered by the one that writes.

use crate::due_first::DueFirst;
use crate::error::translate;
use crate::lease;
use crate::log::{envelope, event_columns};
use idp_application::{Due, Error, ErrorKind, Lane, LaneLease, SideBatch, SideEntry};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

const IS_ANY: &str =
    "SELECT EXISTS (SELECT 1 FROM idp_set_aside WHERE reader = ?1 AND due_at IS NOT NULL)";

const IS_HELD: &str = "
    SELECT side_sequence FROM idp_reader_lane
     WHERE reader = ?1 AND lane = ?2 AND epoch = ?3 AND owner IS NOT NULL";

const NUMBERED: &str = concat!(
    "SELECT side_sequence, ",
    event_columns!(),
    " FROM idp_set_aside WHERE reader = ?1 AND lane = ?2 AND side_sequence IS NOT NULL \
     ORDER BY side_sequence LIMIT ?3"
);

const NUMBERED_COUNT: &str = "
    SELECT count(*) FROM (
      SELECT 1 FROM idp_set_aside
       WHERE reader = ?1 AND lane = ?2 AND side_sequence IS NOT NULL LIMIT ?3)";

/// The first of a key, in the order of the log. (The plus keeps SQLite from reading all that is due.)
const DUE_OF_KEY: &str = "
    SELECT sequence FROM idp_set_aside
     WHERE reader = ?1 AND lane = ?2 AND tenant_id = ?4 AND aggregateid = ?5
       AND +due_at <= ?3 AND side_sequence IS NULL
     ORDER BY sequence LIMIT ?6";

const GIVE_NUMBER: &str = "
    UPDATE idp_set_aside SET side_sequence = ?4, due_at = 0
     WHERE reader = ?1 AND lane = ?2 AND sequence = ?3";

const REMEMBER_NUMBER: &str =
    "UPDATE idp_reader_lane SET side_sequence = ?3 WHERE reader = ?1 AND lane = ?2";

/// Whether there is something to give or to number. If not, what is known without the writer.
pub(crate) fn look(
    connection: &Connection,
    reader: &str,
    leases: &[LaneLease],
) -> rusqlite::Result<Option<Due>> {
    let is_any: bool = connection.prepare_cached(IS_ANY)?.query_row([reader], |row| row.get(0))?;
    if !is_any {
        return Ok(Some(Due::default()));
    }
    let now = lease::now(connection)?;
    let (first, mut next) = (DueFirst::of(connection, reader)?, None::<i64>);
    for lease in leases {
        let Some(due_at) = first.first_or_numbered(lease.lane)? else { continue };
        if due_at <= now {
            return Ok(None);
        }
        if held(connection, reader, lease)?.is_some() {
            next = Some(next.map_or(due_at, |next| next.min(due_at)));
        }
    }
    Ok(Some(Due { batches: Vec::new(), next: next.map(|at| until(at, now)) }))
}

/// Numbers what is due, behind what was given before, and gives at most so much of it.
///
/// A lane with much does not keep the others waiting: each gets a share of the limit, and what one
/// leaves of its share goes to the next.
pub(crate) fn due(
    connection: &Connection,
    reader: &str,
    leases: &[LaneLease],
    limit: u32,
) -> Result<Due, Error> {
    let failed = |e| translate("due", e);
    let now = lease::now(connection).map_err(failed)?;
    let first = DueFirst::of(connection, reader).map_err(failed)?;
    let lanes = lanes_held(connection, reader, leases, &first).map_err(failed)?;
    let is_due = |lane: &&(Lane, i64, Option<i64>)| lane.2.is_some_and(|due_at| due_at <= now);
    let due_lanes: Vec<_> = lanes.iter().filter(is_due).collect();
    let mut left = i64::from(limit);
    let mut batches = Vec::with_capacity(due_lanes.len());
    for (index, (lane, last, _)) in due_lanes.iter().enumerate() {
        let others = i64::try_from(due_lanes.len() - index).unwrap_or(i64::MAX);
        let share = (left + others - 1) / others;
        let track = SideLane { connection, reader, lane: *lane, first: &first };
        track.number(share, *last, now).map_err(failed)?;
        let entries = track.numbered(share)?;
        left -= i64::try_from(entries.len()).unwrap_or(left);
        if !entries.is_empty() {
            batches.push(SideBatch { lane: *lane, entries });
        }
    }
    let next = lanes.iter().filter_map(|(lane, ..)| first.first(*lane).transpose());
    let next = next.collect::<rusqlite::Result<Vec<i64>>>().map_err(failed)?;
    Ok(Due { batches, next: next.into_iter().min().map(|at| until(at, now)) })
}

/// The lanes that are held still, with the last number given and the time of what is due first.
fn lanes_held(
    connection: &Connection,
    reader: &str,
    leases: &[LaneLease],
    first: &DueFirst<'_>,
) -> rusqlite::Result<Vec<(Lane, i64, Option<i64>)>> {
    let mut lanes = Vec::with_capacity(leases.len());
    for lease in leases {
        if let Some(last) = held(connection, reader, lease)? {
            lanes.push((lease.lane, last, first.first_or_numbered(lease.lane)?));
        }
    }
    Ok(lanes)
}

/// The last number given in the side track; `None` when the lease is lost.
fn held(connection: &Connection, reader: &str, lease: &LaneLease) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(IS_HELD)?;
    let parameters = params![reader, lease.lane.number(), lease.epoch];
    statement.query_row(parameters, |row| row.get(0)).optional()
}

fn until(at: i64, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(at.saturating_sub(now)).unwrap_or(0))
}

/// The side track of one lane.
struct SideLane<'c> {
    connection: &'c Connection,
    reader: &'c str,
    lane: Lane,
    first: &'c DueFirst<'c>,
}

impl SideLane<'_> {
    /// Gives numbers behind the last one, until as many events have one as `wanted`.
    fn number(&self, wanted: i64, last: i64, now: i64) -> rusqlite::Result<()> {
        let lane = self.lane.number();
        let mut count = self.connection.prepare_cached(NUMBERED_COUNT)?;
        let numbered: i64 =
            count.query_row(params![self.reader, lane, wanted], |row| row.get(0))?;
        let chosen = self.chosen(wanted - numbered, now)?;
        if chosen.is_empty() {
            return Ok(());
        }
        let mut number = last;
        let mut give = self.connection.prepare_cached(GIVE_NUMBER)?;
        for sequence in chosen {
            number += 1;
            give.execute(params![self.reader, lane, sequence, number])?;
        }
        let mut remember = self.connection.prepare_cached(REMEMBER_NUMBER)?;
        remember.execute(params![self.reader, lane, number]).map(drop)
    }

    /// So many events that are due: those that have been for longest, but of each key the first in
    /// the order of the log.
    fn chosen(&self, count: i64, now: i64) -> rusqlite::Result<Vec<i64>> {
        let lane = self.lane.number();
        let mut chosen = Vec::new();
        let mut of_key = self.connection.prepare_cached(DUE_OF_KEY)?;
        for ((tenant, aggregate), wanted) in self.first.keys(self.lane, now, count.max(0))? {
            let parameters = params![self.reader, lane, now, tenant, aggregate, wanted];
            for sequence in of_key.query_map(parameters, |row| row.get::<_, i64>(0))? {
                chosen.push(sequence?);
            }
        }
        chosen.sort_unstable();
        Ok(chosen)
    }

    fn numbered(&self, limit: i64) -> Result<Vec<SideEntry>, Error> {
        let failed = |e| translate("due", e);
        let mut numbered = self.connection.prepare_cached(NUMBERED).map_err(failed)?;
        let parameters = params![self.reader, self.lane.number(), limit];
        let rows = numbered.query_map(parameters, |row| Ok(entry(row))).map_err(failed)?;
        rows.map(|entry| entry.map_err(failed)?).collect()
    }
}

fn entry(row: &Row<'_>) -> Result<SideEntry, Error> {
    let sequence = row.get(0).map_err(|e| translate("due", e))?;
    let envelope = envelope(row).ok_or_else(|| {
        let message = format!("the event with number {sequence} of a side track cannot be read");
        Error::new(ErrorKind::Corrupt, "due", message)
    })?;
    Ok(SideEntry { sequence, envelope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_seek;

    #[test]
    fn each_statement_is_one_seek_in_its_index() {
        let due = "idp_set_aside_due (reader=?";
        let numbered = "idp_set_aside_numbered (reader=? AND lane=?";
        let key = "idp_set_aside_key (reader=? AND lane=? AND tenant_id=? AND aggregateid=?)";
        for (sql, index) in
            [(IS_ANY, due), (NUMBERED, numbered), (NUMBERED_COUNT, numbered), (DUE_OF_KEY, key)]
        {
            assert_seek(sql, index);
        }
    }
}
