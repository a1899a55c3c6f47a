//! Ticks: stored snapshots that divide the log into windows.
//!
//! # Protocol
//! A position is drawn when an event is inserted, but the event is seen only when its transaction
//! commits, perhaps after events with higher positions. So no reader follows positions. Instead,
//! snapshots are stored one after another, as *ticks* 1, 2, 3, …; window *n* is what tick *n* sees and
//! tick *n-1* does not, read in the order of the positions (PgQ's snapshot difference).
//!
//! * Every committed event is in exactly one window, since what a snapshot sees, every later one
//!   sees too. A long transaction delays its own events and no others.
//! * The events of one aggregate come in the order of its versions: whoever wrote the later version
//!   waited for the row lock of the earlier, and got it after the earlier one had committed; so a
//!   snapshot that sees the later sees the earlier, and within one window the earlier has the lower
//!   position, because positions are drawn under that lock.
//! * Windows are stored, so every reader divides the log in the same way, whenever it reads.
//!
//! Whoever takes a tick holds an advisory lock of the database until its transaction ends, and the
//! snapshot is that of the statement *after* the one that waited for the lock. So the order of the
//! numbers is the order of the snapshots. A tick is taken only when a committed event is outside of
//! the last one: an idle log grows no ticks.
//!
//! | crash window | outcome |
//! |---|---|
//! | while waiting for the lock, or before the commit | no tick; the next reader takes it |
//! | after the commit, before the answer | the tick is there; the next read finds it |
//!
//! Ticks are taken on the primary: a standby's snapshots lack running transactions.

use crate::error::translate;
use crate::store::PgStore;
use crate::window::purged;
use idp_application::{Error, ErrorKind};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio_postgres::SimpleQueryMessage;

/// A stored snapshot: `xmin:xmax:xip,xip,…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) text: String,
    /// No transaction from this one on had begun.
    pub(crate) xmax: u64,
    /// The transactions that were running.
    pub(crate) running: Vec<u64>,
    /// No event that is seen has a higher position: the last that was drawn.
    pub(crate) position_max: i64,
}

impl Snapshot {
    /// The snapshot that sees nothing: tick 0.
    pub(crate) fn empty() -> Self {
        Self { text: "1:1:".into(), xmax: 0, running: Vec::new(), position_max: 0 }
    }

    /// Reads PostgreSQL's text form. Only digits, colons and commas pass, so the text can stand in
    /// a statement.
    pub(crate) fn parse(text: &str, position_max: i64) -> Option<Self> {
        let mut parts = text.split(':');
        let _xmin: u64 = parts.next()?.parse().ok()?;
        let xmax = parts.next()?.parse().ok()?;
        let running = parts.next()?;
        if parts.next().is_some() {
            return None;
        }
        let running = running.split(',').filter(|xid| !xid.is_empty()).map(str::parse);
        let running = running.collect::<Result<_, _>>().ok()?;
        Some(Self { text: text.to_owned(), xmax, running, position_max })
    }
}

/// The latest of the ticks that were read. They never change, so they need not be read twice.
#[derive(Default)]
pub(crate) struct Ticks {
    known: Mutex<BTreeMap<i64, Snapshot>>,
}

/// How many ticks are remembered, and how many are read at a time.
const KNOWN_MAX: usize = 1_024;
pub(crate) const READ_MAX: usize = 256;

impl Ticks {
    pub(crate) fn get(&self, number: i64) -> Option<Snapshot> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    fn remember(&self, number: i64, snapshot: Snapshot) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(number, snapshot);
        while known.len() > KNOWN_MAX {
            known.pop_first();
        }
    }
}

impl PgStore {
    /// Takes a tick if there is news, and reads the ticks from that number on: all of them when they are
    /// fewer than [`READ_MAX`].
    pub(crate) async fn tick(&self, from: i64) -> Result<Vec<(i64, Snapshot)>, Error> {
        let checkout = self.pool.checkout().await?;
        let answer = checkout.session.client().simple_query(&tick_sql(from)).await;
        // After an error the transaction is still open: the connection is not given back.
        let messages = answer.map_err(|e| translate("take a tick", e))?;
        checkout.give_back();
        let mut ticks = Vec::new();
        for message in messages {
            let SimpleQueryMessage::Row(row) = message else { continue };
            if row.len() != 3 {
                continue; // The row of the lock.
            }
            let number: Option<i64> = row.get(0).and_then(|id| id.parse().ok());
            let position_max = row.get(2).and_then(|position| position.parse().ok());
            let snapshot = row.get(1).zip(position_max);
            let snapshot = snapshot.and_then(|(text, max)| Snapshot::parse(text, max));
            let (Some(number), Some(snapshot)) = (number, snapshot) else {
                let message = "a tick cannot be read";
                return Err(Error::new(ErrorKind::Corrupt, "take a tick", message));
            };
            if ticks.is_empty() && number > from.max(1) {
                return Err(purged(number - 1));
            }
            self.ticks.remember(number, snapshot.clone());
            ticks.push((number, snapshot));
        }
        Ok(ticks)
    }
}

/// One simple query: each statement sees a snapshot of its own.
///
/// Whether there is news is asked so that an index answers: is the highest transaction of the log
/// behind the last tick, or one that was running in it there now? The planner would rather scan the
/// log, expecting to meet news at once, and read all of it when there is none; so it is told not to,
/// and not to compile the query for the cost that this makes it expect.
fn tick_sql(from: i64) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;
         SET LOCAL enable_seqscan = off; SET LOCAL jit = off;
         SELECT pg_advisory_xact_lock(23108, hashtext(current_schema()));
         WITH last AS MATERIALIZED (SELECT id, snapshot FROM idp_tick ORDER BY id DESC LIMIT 1)
         INSERT INTO idp_tick (id, snapshot, position_max)
         SELECT coalesce((SELECT id FROM last), 0) + 1, pg_current_snapshot(),
                (SELECT last_value FROM idp_outbox_position_seq)
          WHERE (SELECT xid FROM idp_outbox ORDER BY xid DESC, position DESC LIMIT 1)
                >= coalesce((SELECT pg_snapshot_xmax(snapshot) FROM last), '0'::xid8)
             OR (SELECT o.xid FROM idp_outbox AS o
                  WHERE o.xid = ANY (ARRAY(SELECT pg_snapshot_xip(snapshot) FROM last))
                  ORDER BY o.xid LIMIT 1) IS NOT NULL;
         SELECT id, snapshot::text, position_max FROM idp_tick
          WHERE id >= {from} ORDER BY id LIMIT {READ_MAX};
         COMMIT"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_from_its_text() {
        let snapshot = Snapshot::parse("795:799:795,797", 7).expect("well formed");
        assert_eq!(snapshot.xmax, 799);
        assert_eq!(snapshot.running, [795, 797]);
        assert_eq!(Snapshot::parse("10:10:", 7).expect("well formed").running, [0_u64; 0]);
    }

    #[test]
    fn anything_but_a_snapshot_is_refused() {
        for text in ["", "1", "1:2", "1:2:3:4", "1:2:x", "a:b:c", "1:2:3;DROP TABLE x"] {
            assert_eq!(Snapshot::parse(text, 7), None, "{text}");
        }
    }
}
