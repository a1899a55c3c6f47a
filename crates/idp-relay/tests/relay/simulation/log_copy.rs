//! All that ever stood in the log. What a purge drops is still in the copy, so a test can say what it
//! was, and whose.

use idp_application::{Cursor, Lane, LaneBatch, LaneCount, LaneLease};
use idp_domain::Envelope;
use std::collections::BTreeMap;

/// A copy of the log, from its first event on.
pub(crate) struct LogCopy {
    lanes: LaneCount,
    events: Vec<Copied>,
    /// Which of the events are in each lane, and in the whole log.
    places: BTreeMap<Lane, Vec<usize>>,
}

/// An event of the log.
pub(crate) struct Copied {
    pub(crate) cursor: Cursor,
    pub(crate) envelope: Envelope,
    /// Its number in the whole log, from 1.
    pub(crate) number: usize,
    pub(crate) lane: Lane,
    /// Its number in its lane, from 1.
    pub(crate) number_in_lane: usize,
}

impl LogCopy {
    /// The copy of an empty log of so many lanes.
    pub(crate) fn new(lanes: LaneCount) -> Self {
        Self { lanes, events: Vec::new(), places: BTreeMap::new() }
    }

    /// From where to read to learn what is new.
    pub(crate) fn end(&self) -> LaneLease {
        let cursor = self.events.last().map_or(Cursor::default(), |last| last.cursor);
        let sequence = i64::try_from(self.events.len()).expect("few events");
        LaneLease { lane: Lane::WHOLE, epoch: 0, cursor, sequence }
    }

    /// Adds what was read from the end on.
    pub(crate) fn extend(&mut self, batches: Vec<LaneBatch>) {
        for event in batches.into_iter().flat_map(|batch| batch.events) {
            let lane = Lane::of(&event.envelope.tenant, event.envelope.aggregate_id, self.lanes);
            let at = self.events.len();
            self.places.entry(Lane::WHOLE).or_default().push(at);
            let of_lane = self.places.entry(lane).or_default();
            of_lane.push(at);
            let (number, number_in_lane) = (at + 1, of_lane.len());
            let (cursor, envelope) = (event.cursor, event.envelope);
            self.events.push(Copied { cursor, envelope, number, lane, number_in_lane });
        }
    }

    /// All events, the first of the log first.
    pub(crate) fn events(&self) -> &[Copied] {
        &self.events
    }

    /// The events of a lane behind a place.
    pub(crate) fn behind(&self, lane: Lane, cursor: Cursor) -> impl Iterator<Item = &Copied> {
        let places = &self.of_lane(lane)[self.number_at(lane, cursor)..];
        places.iter().map(|at| &self.events[*at])
    }

    /// How many events of a lane stand before that place.
    pub(crate) fn number_at(&self, lane: Lane, cursor: Cursor) -> usize {
        self.of_lane(lane).partition_point(|at| self.events[*at].cursor <= cursor)
    }

    /// How many of the first so many events of the log are in a lane.
    pub(crate) fn among_first(&self, lane: Lane, count: usize) -> usize {
        self.of_lane(lane).partition_point(|at| *at < count)
    }

    /// The lanes that readers have positions in, which share the log by lanes or do not.
    pub(crate) fn lanes(&self, whole: bool) -> Vec<Lane> {
        let count = i16::try_from(self.lanes.get()).expect("there are at most 1024 lanes");
        if whole { vec![Lane::WHOLE] } else { (0..count).map(Lane::from_number).collect() }
    }

    fn of_lane(&self, lane: Lane) -> &[usize] {
        self.places.get(&lane).map_or(&[], Vec::as_slice)
    }
}
