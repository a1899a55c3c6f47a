//! Reads many lanes together, in the order of the log: one statement for all of them, which follows the
//! primary key instead of seeking each event.

use crate::error::translate;
use crate::log::{event_columns, logged_event};
use crate::reading::{Room, reach};
use idp_application::{Error, Lane, LaneBatch};
use rusqlite::{Connection, params};

/// (The plus keeps SQLite from taking the index of lanes, and sorting.)
const SWEEP: &str = concat!(
    "SELECT position, ",
    event_columns!(),
    ", lane FROM idp_outbox WHERE position > ?1 AND position <= ?2 \
     AND +lane IN (SELECT value FROM json_each(?3)) ORDER BY position"
);

/// A sweep goes on while of so many events that it meets one at least is wanted: about what a seek costs
/// more than a look.
const LOOKS_PER_EVENT: i64 = 8;

/// Reads lanes on that are sorted by their places. Says whether that was worth it: if not, what they
/// want lies so thin that the rest is better read one by one.
pub(crate) fn sweep(
    connection: &Connection,
    lanes: &mut [LaneBatch],
    end: i64,
    room: &mut Room,
) -> Result<bool, Error> {
    let Some(first) = lanes.first() else { return Ok(true) };
    let mut from = first.through.position;
    let index = Index::of(lanes);
    while from < end && !room.is_full() {
        // What is looked at without a chance to stop is bounded by what may be read.
        let looks =
            i64::try_from(room.events).unwrap_or(i64::MAX).saturating_mul(LOOKS_PER_EVENT / 2);
        let until = from.saturating_add(looks.max(64)).min(end);
        let before = room.events;
        stretch(connection, lanes, &index, (from, until, end), room)?;
        let read = i64::try_from(before - room.events).unwrap_or(i64::MAX);
        if !room.is_full() && until < end && read.saturating_mul(LOOKS_PER_EVENT) < until - from {
            return Ok(false);
        }
        from = until;
    }
    Ok(true)
}

/// Reads what is wanted behind one position up to another one, or until there is no more room.
fn stretch(
    connection: &Connection,
    lanes: &mut [LaneBatch],
    index: &Index,
    (from, until, end): (i64, i64, i64),
    room: &mut Room,
) -> Result<(), Error> {
    let failed = |e| translate("read", e);
    let mut statement = connection.prepare_cached(SWEEP).map_err(failed)?;
    let mut rows = statement.query(params![from, until, index.numbers]).map_err(failed)?;
    let mut reached = until;
    while let Some(row) = rows.next().map_err(failed)? {
        let lane = Lane::from_number(row.get(13).map_err(failed)?);
        let position: i64 = row.get(0).map_err(failed)?;
        let Some(batch) = index.get(lane).and_then(|at| lanes.get_mut(at)) else { continue };
        if position <= batch.through.position {
            continue;
        }
        let event = logged_event(row)?;
        room.take(&event);
        batch.through = event.cursor;
        batch.events.push(event);
        if room.is_full() {
            reached = position;
            break;
        }
    }
    lanes.iter_mut().for_each(|batch| reach(batch, reached, end));
    Ok(())
}

/// Where the batch of a lane is, by its number.
struct Index {
    places: Vec<Option<usize>>,
    /// The numbers, as JSON.
    numbers: String,
}

impl Index {
    fn of(lanes: &[LaneBatch]) -> Self {
        let number = |batch: &LaneBatch| usize::try_from(batch.lane.number()).unwrap_or_default();
        let mut places = vec![None; lanes.iter().map(number).max().map_or(0, |last| last + 1)];
        let mut numbers = Vec::with_capacity(lanes.len());
        for (at, batch) in lanes.iter().enumerate() {
            places[number(batch)] = Some(at);
            numbers.push(number(batch).to_string());
        }
        Self { places, numbers: format!("[{}]", numbers.join(",")) }
    }

    fn get(&self, lane: Lane) -> Option<usize> {
        *self.places.get(usize::try_from(lane.number()).ok()?)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_follows_the_primary_key_and_sorts_nothing() {
        let connection = Connection::open_in_memory().expect("memory opens");
        connection.execute_batch(include_str!("../sql/tables.sql")).expect("the tables are made");
        let sql = format!("EXPLAIN QUERY PLAN {SWEEP}");
        let mut statement = connection.prepare(&sql).expect("it can be planned");
        let steps = statement.query_map(params![0, 1, "[]"], |row| row.get::<_, String>(3));
        let steps: Vec<String> = steps.expect("steps").map(|step| step.expect("a step")).collect();
        let first = "SEARCH idp_outbox USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
        assert_eq!(steps[0], first, "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }
}
