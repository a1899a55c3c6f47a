//! Reads lanes on. Those that stand close together are swept, by one statement; each of the others is
//! read by a seek in the index of its lane.

use crate::error::translate;
use crate::log::{COLUMNS, head, logged_event, with_rows};
use crate::purge;
use crate::sweep::sweep;
use idp_application::{Cursor, Error, Lane, LaneBatch, LaneCount, LaneLease, LoggedEvent};
use rusqlite::Connection;
use std::ops::Range;

/// Reads on from the cursors, at most `limit` events in all.
///
/// Lanes that stand together are read in the order of the log. A lane that stands alone, because it has
/// a long backlog, does not keep them waiting: such lanes share their part of the limit, the one whose
/// next event is the oldest first, and what one leaves of its share goes to the next.
pub(crate) fn read(
    connection: &Connection,
    leases: &[LaneLease],
    lanes: LaneCount,
    limit: u32,
) -> Result<Vec<LaneBatch>, Error> {
    let failed = |e| translate("read", e);
    // One snapshot, taken once. Dropping it ends it.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    purge::check_there(&snapshot, leases.iter().map(|lease| (lease.lane, lease.cursor)))?;
    let end = purge::end(&snapshot).map_err(failed)?;
    let mut batches: Vec<LaneBatch> = leases
        .iter()
        .filter(|lease| lease.cursor.position < end)
        .map(|LaneLease { lane, cursor, .. }| not_read(*lane, *cursor))
        .collect();
    batches.sort_unstable_by_key(|batch| (batch.through, batch.lane));
    let mut room = Room::of(limit);
    let crowd = crowd(&batches, lanes, room.events);
    let (crowd, others) = apart(&mut batches, crowd);
    let of_others = room.events * others.len() / (crowd.len() + others.len()).max(1);
    let mut share = Room { events: of_others.max(1).min(room.events), ..room };
    if !others.is_empty() {
        room.events -= share.events;
        one_by_one(&snapshot, others, end, &mut share)?;
        room = Room { events: room.events + share.events, bytes: share.bytes };
    }
    if !sweep(&snapshot, crowd, end, &mut room)? {
        one_by_one(&snapshot, crowd.iter_mut().collect(), end, &mut room)?;
    }
    Ok(batches)
}

fn not_read(lane: Lane, cursor: Cursor) -> LaneBatch {
    LaneBatch { lane, events: Vec::new(), through: cursor, has_more: true }
}

/// How much may be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) events: usize,
    bytes: usize,
}

impl Room {
    /// How many bytes of payload are read at once; one event may be larger.
    const BYTES_MAX: usize = 16 * 1_024 * 1_024;

    pub(crate) fn of(limit: u32) -> Self {
        Self { events: usize::try_from(limit).unwrap_or(usize::MAX), bytes: Self::BYTES_MAX }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events == 0 || self.bytes == 0
    }

    pub(crate) fn take(&mut self, event: &LoggedEvent) {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(event.envelope.payload.len());
    }
}

/// Of lanes that are sorted by their places, the most that stand close enough together to be swept:
/// none, if those are so few of all lanes that most of what a sweep meets would be of others.
fn crowd(batches: &[LaneBatch], lanes: LaneCount, limit: usize) -> Range<usize> {
    const ONE_IN: usize = 8;
    let close = i64::try_from(limit.saturating_mul(2)).unwrap_or(i64::MAX).max(1_000);
    let place = |index: usize| batches[index].through.position;
    let (mut best, mut first) = (0..0, 0);
    for last in 0..batches.len() {
        while place(last) - place(first) > close {
            first += 1;
        }
        if last + 1 - first > best.len() {
            best = first..last + 1;
        }
    }
    let is_whole = batches.iter().any(|batch| batch.lane == Lane::WHOLE);
    let is_many = best.len() > 1 && best.len() * ONE_IN >= usize::from(lanes.get());
    if is_many && !is_whole { best } else { 0..0 }
}

/// Those in the range, and the others.
fn apart(
    batches: &mut [LaneBatch],
    range: Range<usize>,
) -> (&mut [LaneBatch], Vec<&mut LaneBatch>) {
    let (before, rest) = batches.split_at_mut(range.start);
    let (within, behind) = rest.split_at_mut(range.len());
    (within, before.iter_mut().chain(behind).collect())
}

fn one_by_one(
    connection: &Connection,
    batches: Vec<&mut LaneBatch>,
    end: i64,
    room: &mut Room,
) -> Result<(), Error> {
    let mut news = Vec::with_capacity(batches.len());
    for batch in batches {
        match head(connection, batch.lane, batch.through.position) {
            Ok(Some(head)) => news.push((head, batch)),
            Ok(None) => reach(batch, end, end),
            Err(error) => return Err(translate("read", error)),
        }
    }
    news.sort_unstable_by_key(|(head, _)| *head);
    let count = news.len();
    for (index, (_, batch)) in news.iter_mut().enumerate() {
        let share = room.events.div_ceil(count - index);
        read_on(connection, batch, end, share, room)?;
    }
    for (_, batch) in news.iter_mut().filter(|(_, batch)| batch.has_more) {
        read_on(connection, batch, end, room.events, room)?;
    }
    Ok(())
}

/// Reads one lane on, by at most so many events.
fn read_on(
    connection: &Connection,
    batch: &mut LaneBatch,
    end: i64,
    most: usize,
    room: &mut Room,
) -> Result<(), Error> {
    if most == 0 || room.is_full() {
        return Ok(());
    }
    let place = (batch.lane, batch.through.position);
    let read = with_rows(connection, place, COLUMNS, most, |rows| {
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let event = match logged_event(row) {
                Ok(event) => event,
                Err(error) => return Ok(Err(error)),
            };
            count += 1;
            room.take(&event);
            reach(batch, event.cursor.position, end);
            batch.events.push(event);
            if room.is_full() {
                return Ok(Ok(()));
            }
        }
        if count < most {
            reach(batch, end, end);
        }
        Ok(Ok(()))
    });
    read.map_err(|e| translate("read", e))?
}

/// The lane is read up to there, if it was not before.
pub(crate) fn reach(batch: &mut LaneBatch, position: i64, end: i64) {
    batch.through = batch.through.max(Cursor { window: 0, position });
    batch.has_more = batch.through.position < end;
}

#[cfg(test)]
mod tests;
