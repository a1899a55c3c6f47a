//! The outbox: a list that commits append to, and a purge drops from the front of. The position of an
//! event is its number from 1, and commits are serial, so there is one window of visibility, number 0.

use idp_application::{Cursor, Error, ErrorKind, Lane, LaneBatch, LaneLease, LoggedEvent};
use idp_domain::{Envelope, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// The events, and where those of each lane stand.
#[derive(Default)]
pub(crate) struct Log {
    /// How many events were dropped.
    dropped: usize,
    /// The events behind them.
    events: VecDeque<Envelope>,
    /// The indexes of events, rising, those that were dropped counted.
    lanes: BTreeMap<Lane, VecDeque<usize>>,
    /// What was dropped of each lane.
    gone: BTreeMap<Lane, Gone>,
}

/// What was dropped of a lane.
#[derive(Clone, Copy, Default)]
pub(crate) struct Gone {
    /// Behind the last event that was dropped.
    pub(crate) cursor: Cursor,
    /// How many were.
    pub(crate) events: i64,
}

impl Log {
    pub(crate) fn append(&mut self, lane: Lane, envelope: Envelope) {
        let at = self.end();
        self.lanes.entry(lane).or_default().push_back(at);
        self.events.push_back(envelope);
    }

    /// Reads on from the cursors, lane after lane, up to the limit. Fails when what stands behind one
    /// was dropped.
    pub(crate) fn read(&self, leases: &[LaneLease], limit: u32) -> Result<Vec<LaneBatch>, Error> {
        let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut batches = Vec::new();
        for lease in leases {
            let behind = self.behind(lease.lane, lease.cursor)?.take(left);
            let events: Vec<LoggedEvent> = behind
                .map(|(cursor, envelope)| LoggedEvent { cursor, envelope: envelope.clone() })
                .collect();
            left -= events.len();
            let has_more = left == 0;
            if !events.is_empty() || has_more {
                let through = events.last().map_or(lease.cursor, |last| last.cursor);
                batches.push(LaneBatch { lane: lease.lane, events, through, has_more });
            }
        }
        Ok(batches)
    }

    /// The events of a lane behind a cursor, each with its place. Fails when some of them were dropped.
    pub(crate) fn behind(
        &self,
        lane: Lane,
        cursor: Cursor,
    ) -> Result<impl Iterator<Item = (Cursor, &Envelope)>, Error> {
        if cursor < self.gone(lane).cursor {
            let message = format!("what {lane:?} holds behind its cursor was purged");
            return Err(Error::new(ErrorKind::Corrupt, "read", message));
        }
        let indexes = self.indexes_from(lane, index(cursor));
        Ok(indexes.map(|at| (behind(at + 1), &self.events[at - self.dropped])))
    }

    /// What was dropped of a lane, or of the whole log.
    pub(crate) fn gone(&self, lane: Lane) -> Gone {
        if lane == Lane::WHOLE {
            let events = i64::try_from(self.dropped).expect("memory holds fewer than 2^63 events");
            return Gone { cursor: behind(self.dropped), events };
        }
        self.gone.get(&lane).copied().unwrap_or_default()
    }

    /// How many events were dropped.
    pub(crate) fn start(&self) -> usize {
        self.dropped
    }

    /// How many events there ever were.
    pub(crate) fn end(&self) -> usize {
        self.dropped + self.events.len()
    }

    /// How many events stand before the first of the lane behind the cursor; all if there is none.
    pub(crate) fn before_next(&self, lane: Lane, cursor: Cursor) -> usize {
        self.indexes_from(lane, index(cursor)).next().unwrap_or(self.end())
    }

    /// The event behind so many others, unless it was dropped.
    pub(crate) fn event(&self, before: usize) -> Option<&Envelope> {
        self.events.get(before.checked_sub(self.dropped)?)
    }

    /// When the event behind so many others occurred.
    pub(crate) fn occurred_at(&self, before: usize) -> Option<Timestamp> {
        self.event(before).map(|event| event.occurred_at)
    }

    /// Drops the first so many events, those that were dropped already counted; returns how many more
    /// they are.
    pub(crate) fn drop_first(&mut self, count: usize) -> u64 {
        let more = count.min(self.end()).saturating_sub(self.dropped);
        self.events.drain(..more);
        self.dropped += more;
        for (lane, indexes) in &mut self.lanes {
            let passed = indexes.partition_point(|at| *at < self.dropped);
            if let Some(last) = indexes.drain(..passed).next_back() {
                let gone = self.gone.entry(*lane).or_default();
                gone.cursor = behind(last + 1);
                gone.events += i64::try_from(passed).expect("memory holds fewer than 2^63 events");
            }
        }
        u64::try_from(more).unwrap_or(u64::MAX)
    }

    /// The indexes of the lane's events, the first `done` of the log passed over.
    fn indexes_from(&self, lane: Lane, done: usize) -> Box<dyn Iterator<Item = usize> + '_> {
        if lane == Lane::WHOLE {
            return Box::new(done.max(self.dropped)..self.end());
        }
        let Some(indexes) = self.lanes.get(&lane) else { return Box::new(std::iter::empty()) };
        let first = indexes.partition_point(|at| *at < done);
        Box::new(indexes.range(first..).copied())
    }
}

/// The cursor behind the first so many events.
pub(crate) fn behind(events: usize) -> Cursor {
    let position = i64::try_from(events).expect("memory holds fewer than 2^63 events");
    Cursor { window: 0, position }
}

/// How many events stand before a cursor.
pub(crate) fn index(cursor: Cursor) -> usize {
    usize::try_from(cursor.position).unwrap_or_default()
}
