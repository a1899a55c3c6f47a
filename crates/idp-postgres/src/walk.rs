//! The way of one reading through the windows of the log.

use crate::store::PgStore;
use crate::tick::{READ_MAX, Snapshot};
use idp_application::{Cursor, Error, ErrorKind};
use std::collections::BTreeMap;

/// Windows that follow one another, read by one statement.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    /// The number of the first window.
    pub(crate) first: i64,
    /// What the windows before it have seen.
    pub(crate) before: Snapshot,
    /// Where each of the windows ends; at least one.
    pub(crate) until: Vec<Snapshot>,
}

impl Stretch {
    /// The number of the last window.
    pub(crate) fn last(&self) -> i64 {
        self.numbered().last().map_or(self.first, |(number, _)| number)
    }

    /// Where the last window ends.
    pub(crate) fn end(&self) -> &Snapshot {
        self.until.last().expect("a stretch has a window")
    }

    /// Where each window ends, with its number.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (i64, &Snapshot)> {
        (self.first..).zip(&self.until)
    }
}

/// Windows are read together while at most so many positions were drawn in them, or as many as events are wanted:
/// what of them is not wanted is sorted in vain.
const TOGETHER_MAX: u32 = 2_000;

/// The position behind the last event of a window, whatever that was.
pub(crate) const END_OF_WINDOW: i64 = i64::MAX;

/// The window with which reading goes on behind a cursor.
pub(crate) fn next_window(cursor: Cursor) -> i64 {
    match cursor {
        Cursor { window: 0, .. } => 1,
        Cursor { window, position: END_OF_WINDOW } => window + 1,
        Cursor { window, .. } => window,
    }
}

/// Goes through the windows, to the end that the log has when it gets there and no farther: on a busy
/// log a reading that took one tick after another would never end.
pub(crate) struct Walk<'s> {
    store: &'s PgStore,
    /// The ticks that were read on the way. The store may have forgotten them already.
    read: BTreeMap<i64, Snapshot>,
    /// The last tick, once it is known.
    head: Option<i64>,
}

impl<'s> Walk<'s> {
    pub(crate) fn new(store: &'s PgStore) -> Self {
        Self { store, read: BTreeMap::new(), head: None }
    }

    /// The window of that number; `None` when there was no event for it when this came to the end of
    /// the log.
    pub(crate) async fn window(&mut self, number: i64) -> Result<Option<Stretch>, Error> {
        if let Some(window) = self.known(number) {
            return Ok(Some(window));
        }
        if self.head.is_none() {
            self.read_on(number).await?;
        }
        match self.known(number) {
            None if self.head.is_none_or(|head| number <= head) => {
                let message = format!("tick {number} is missing");
                Err(Error::new(ErrorKind::Corrupt, "read the ticks", message))
            }
            window => Ok(window),
        }
    }

    /// The window with which reading goes on behind a cursor, and those behind it that are known and
    /// small, for so many events. A cursor within a window is behind a position of that window, which says nothing of the
    /// next: they are not read together.
    pub(crate) async fn stretch(
        &mut self,
        behind: Cursor,
        wanted: u32,
    ) -> Result<Option<Stretch>, Error> {
        let Some(mut stretch) = self.window(next_window(behind)).await? else { return Ok(None) };
        if behind.window == stretch.first {
            return Ok(Some(stretch));
        }
        let from = stretch.before.position_max;
        while stretch.until.len() < READ_MAX {
            let Some(next) = self.snapshot(stretch.last() + 1) else { break };
            if next.position_max - from > i64::from(wanted.max(TOGETHER_MAX)) {
                break;
            }
            stretch.until.push(next);
        }
        Ok(Some(stretch))
    }

    /// Reads the ticks from the one before that window on; the last of them is taken now, if there is
    /// news.
    async fn read_on(&mut self, number: i64) -> Result<(), Error> {
        let from = number - 1;
        let ticks = self.store.tick(from).await?;
        if ticks.len() < READ_MAX {
            self.head = Some(ticks.last().map_or(from, |(last, _)| *last));
        }
        self.read.extend(ticks);
        Ok(())
    }

    fn known(&self, number: i64) -> Option<Stretch> {
        let until = vec![self.snapshot(number)?];
        let before = match number {
            1 => Snapshot::empty(),
            _ => self.snapshot(number - 1)?,
        };
        Some(Stretch { first: number, before, until })
    }

    fn snapshot(&self, number: i64) -> Option<Snapshot> {
        self.read.get(&number).cloned().or_else(|| self.store.ticks.get(number))
    }
}
