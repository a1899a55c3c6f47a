//! The outbox: a list that commits append to. The position of an event is its index from 1, and
//! commits are serial, so there is one window of visibility, number 0.

use idp_application::{Cursor, Lane, LaneBatch, LaneLease, LoggedEvent};
use idp_domain::Envelope;
use std::collections::BTreeMap;

/// The events, and where those of each lane stand.
#[derive(Default)]
pub(crate) struct Log {
    events: Vec<Envelope>,
    /// The indexes in `events`, rising.
    lanes: BTreeMap<Lane, Vec<usize>>,
}

impl Log {
    pub(crate) fn append(&mut self, lane: Lane, envelope: Envelope) {
        self.lanes.entry(lane).or_default().push(self.events.len());
        self.events.push(envelope);
    }

    /// Reads on from the cursors, lane after lane, up to the limit.
    pub(crate) fn read(&self, leases: &[LaneLease], limit: u32) -> Vec<LaneBatch> {
        let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut batches = Vec::new();
        for lease in leases {
            let done = usize::try_from(lease.cursor.position).unwrap_or_default();
            let events: Vec<_> =
                self.indexes_from(lease.lane, done).take(left).map(|at| self.logged(at)).collect();
            left -= events.len();
            if let Some(last) = events.last() {
                batches.push(LaneBatch { lane: lease.lane, through: last.cursor, events });
            }
        }
        batches
    }

    /// The indexes of the lane's events, the first `done` of the log passed over.
    fn indexes_from(&self, lane: Lane, done: usize) -> Box<dyn Iterator<Item = usize> + '_> {
        if lane == Lane::WHOLE {
            return Box::new(done..self.events.len());
        }
        let indexes = self.lanes.get(&lane).map_or(&[][..], Vec::as_slice);
        let first = indexes.partition_point(|at| *at < done);
        Box::new(indexes[first..].iter().copied())
    }

    fn logged(&self, at: usize) -> LoggedEvent {
        let position = i64::try_from(at + 1).expect("memory holds fewer than 2^63 events");
        LoggedEvent { cursor: Cursor { window: 0, position }, envelope: self.events[at].clone() }
    }
}
