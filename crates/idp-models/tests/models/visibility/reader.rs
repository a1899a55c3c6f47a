//! One reader of the log, and the ways in which it may follow it.

use super::database::{Database, Event, Snapshot};

/// How readers follow the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Behind the last position.
    Position,
    /// Behind the last (transaction id, position), below the oldest running transaction.
    XidPosition,
    /// Window by window between stored snapshots, as idp-postgres does.
    Ticks,
    /// Broken: a window leaves out those who were running at its beginning.
    TicksWithoutRunning,
    /// Broken: a snapshot is taken, then stored when the lock is free.
    TicksUnserialised,
}

const END_OF_WINDOW: u8 = u8::MAX;

/// A place in the log and what came before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    /// The window, or the transaction id.
    major: u8,
    position: u8,
    /// The snapshot that it is about to store.
    pub(crate) taking: Option<Snapshot>,
    /// The transactions whose events it got.
    pub(crate) delivered: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(reading: Reading) -> Self {
        let position = match reading {
            Reading::Position | Reading::XidPosition => 0,
            _ => END_OF_WINDOW,
        };
        Self { major: 0, position, taking: None, delivered: Vec::new() }
    }

    /// Whether it has read all windows there are, so that it asks for a tick.
    pub(crate) fn is_at_the_end(&self, ticks: &[Snapshot]) -> bool {
        usize::from(self.major) == ticks.len() && self.position == END_OF_WINDOW
    }

    /// Reads on; `None` when there is nothing to read.
    pub(crate) fn poll(
        &self,
        reading: Reading,
        database: &Database,
        ticks: &[Snapshot],
        batch: usize,
    ) -> Option<Self> {
        match reading {
            Reading::Position => {
                let events = database.committed().filter(|e| e.position > self.position);
                self.take_flat(events.map(|e| (0, e.position, e)).collect(), batch)
            }
            Reading::XidPosition => {
                let (xmin, after) = (database.xmin(), (self.major, self.position));
                let events = database.committed().filter(|e| e.xid < xmin);
                let behind = events.filter(|e| (e.xid, e.position) > after);
                self.take_flat(behind.map(|e| (e.xid, e.position, e)).collect(), batch)
            }
            _ => self.poll_windows(reading, database, ticks, batch),
        }
    }

    fn take_flat(&self, mut events: Vec<(u8, u8, Event)>, batch: usize) -> Option<Self> {
        events.sort_unstable_by_key(|(major, position, _)| (*major, *position));
        events.truncate(batch);
        let (major, position, _) = *events.last()?;
        let mut next = Self { major, position, ..self.clone() };
        next.delivered.extend(events.iter().map(|(.., event)| event.transaction));
        Some(next)
    }

    /// As `read_lanes` does with one window: a page that is full ends behind its last event, any
    /// other at the end of the window.
    fn poll_windows(
        &self,
        reading: Reading,
        database: &Database,
        ticks: &[Snapshot],
        batch: usize,
    ) -> Option<Self> {
        let (number, after) = match self.position {
            END_OF_WINDOW => (self.major + 1, 0),
            position => (self.major, position),
        };
        let until = ticks.get(usize::from(number) - 1)?;
        let empty = Snapshot::default();
        let before = if number == 1 { &empty } else { &ticks[usize::from(number) - 2] };
        let is_inside = |event: &Event| {
            let was_running =
                before.running.contains(&event.xid) && reading != Reading::TicksWithoutRunning;
            let began_within = event.xid >= before.xmax && event.xid < until.xmax;
            (began_within || was_running) && until.sees(event.xid) && event.position > after
        };
        let mut events: Vec<Event> = database.committed().filter(is_inside).collect();
        events.sort_unstable_by_key(|event| event.position);
        events.truncate(batch);
        let position = match events.last() {
            Some(last) if events.len() == batch => last.position,
            _ => END_OF_WINDOW,
        };
        let mut next = Self { major: number, position, ..self.clone() };
        next.delivered.extend(events.iter().map(|event| event.transaction));
        Some(next)
    }
}
