//! Reads the log in scopes: the events of some tenants, and how many others stand between them.

use crate::error::translate;
use crate::log::{COLUMNS, logged_event, text, with_rows};
use crate::purge::check_there;
use idp_application::{Cursor, Error, LOOKS_PER_EVENT, LoggedEvent, TrackBatch, TrackReading};
use idp_domain::TenantId;
use rusqlite::{Connection, Row};

/// Reads lanes on, each in a scope, at most `limit` events of the scopes in all.
///
/// A lane with a long backlog does not keep the others waiting: they share the limit, and what is left
/// of it in the end goes to those that had more than their share.
pub(crate) fn read_tracks(
    connection: &Connection,
    readings: &[TrackReading],
    limit: u32,
) -> Result<Vec<TrackBatch>, Error> {
    let failed = |e| translate("read tracks", e);
    // One snapshot, taken once. Dropping it ends it.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let mut left = Left { given: size(limit), looks: size(limit.saturating_mul(LOOKS_PER_EVENT)) };
    check_there(&snapshot, readings.iter().map(|reading| (reading.lane, reading.cursor)))?;
    let mut batches = Vec::with_capacity(readings.len());
    for (index, reading) in readings.iter().enumerate() {
        let mut batch = TrackBatch::at(reading);
        let share = left.share(readings.len() - index);
        left.less(&share, read_on(&snapshot, reading, &mut batch, share)?);
        batches.push(batch);
    }
    for (reading, batch) in readings.iter().zip(&mut batches).filter(|(_, batch)| batch.has_more) {
        left = read_on(&snapshot, reading, batch, left)?;
    }
    batches.retain(|batch| batch.has_more || !batch.events.is_empty());
    Ok(batches)
}

/// How many events may still be given, and looked at.
#[derive(Clone, Copy)]
struct Left {
    given: usize,
    looks: usize,
}

impl Left {
    /// The part of one of so many.
    fn share(&self, of: usize) -> Self {
        Self { given: self.given.div_ceil(of), looks: self.looks.div_ceil(of) }
    }

    /// What of a share was used is gone.
    fn less(&mut self, share: &Self, left: Self) {
        self.given -= share.given - left.given;
        self.looks -= share.looks - left.looks;
    }

    fn is_used_up(&self) -> bool {
        self.given == 0 || self.looks == 0
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Reads on behind a batch. Of what the scope does not admit, only the position and the tenant are
/// looked at. Gives what is left.
fn read_on(
    connection: &Connection,
    reading: &TrackReading,
    batch: &mut TrackBatch,
    mut left: Left,
) -> Result<Left, Error> {
    if left.is_used_up() {
        return Ok(left);
    }
    let place = (reading.lane, batch.through.position);
    let looks = left.looks;
    let read = with_rows(connection, place, COLUMNS, looks, |rows| {
        while let Some(row) = rows.next()? {
            let cursor = Cursor { window: 0, position: row.get(0)? };
            if reading.until.is_some_and(|until| cursor > until) {
                batch.has_more = false;
                return Ok(Ok(()));
            }
            if left.given == 0 {
                return Ok(Ok(()));
            }
            left.looks -= 1;
            if let Err(error) = take(reading, row, cursor, batch, &mut left) {
                return Ok(Err(error));
            }
        }
        batch.has_more = left.looks == 0;
        Ok(Ok(()))
    });
    read.map_err(|e| translate("read tracks", e))??;
    Ok(left)
}

fn take(
    reading: &TrackReading,
    row: &Row<'_>,
    cursor: Cursor,
    batch: &mut TrackBatch,
    left: &mut Left,
) -> Result<(), Error> {
    let tenant = text(row, 2).and_then(|tenant| TenantId::new(tenant).ok());
    if tenant.is_some_and(|tenant| !reading.scope.admits(&tenant)) {
        batch.pass(cursor, 1);
        return Ok(());
    }
    let LoggedEvent { cursor, envelope } = logged_event(row)?;
    left.given -= 1;
    batch.give(cursor, envelope);
    Ok(())
}
