//! The outbox as its readers see it: windows read through leases.

use crate::lease;
use crate::store::PgStore;
use crate::walk::{END_OF_WINDOW, Stretch, Walk};
use crate::window::{BYTES_MAX, Page, Slice};
use idp_application::{
    BoxFuture, Claim, Cursor, Error, Lane, LaneBatch, LaneLease, LaneProgress, LoggedEvent,
    Membership, OutboxLog, Reader, WorkerId,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most statements of one reading: what lies far behind is read in several readings, each of which
/// gets on, instead of one that takes too long for whoever waits for it.
pub(crate) const STATEMENTS_MAX: usize = 32;

impl PgStore {
    /// Reads lanes on together, each from its own cursor, window by window.
    async fn read_leases(&self, leases: &[LaneLease], limit: u32) -> Result<Vec<LaneBatch>, Error> {
        let mut lanes = Lanes::at(leases);
        let mut walk = Walk::new(self);
        let (mut left, mut bytes) = (limit, BYTES_MAX);
        for _ in 0..STATEMENTS_MAX {
            let Some(stretch) = walk.stretch(lanes.least(), left).await? else {
                return Ok(lanes.batches());
            };
            let starts = lanes.before_end_of(&stretch);
            let slice = Slice { starts: &starts, ends: "", limit: left, bytes };
            let Page { rows: events, is_cut, bytes: read } = self.slice(&stretch, &slice).await?;
            bytes = bytes.saturating_sub(read);
            left = left.saturating_sub(u32::try_from(events.len()).unwrap_or(left));
            left = if is_cut { 0 } else { left };
            let last = events.last().map(|(_, event)| event.cursor).filter(|_| left == 0);
            lanes.take(events);
            lanes.reach(last.unwrap_or(Cursor { window: stretch.last(), position: END_OF_WINDOW }));
            if left == 0 || bytes == 0 {
                break;
            }
        }
        lanes.cut();
        Ok(lanes.batches())
    }
}

/// The lanes of a reading, and how far it came in each.
struct Lanes {
    began: Vec<(Lane, Cursor)>,
    batches: BTreeMap<Lane, LaneBatch>,
}

impl Lanes {
    fn at(leases: &[LaneLease]) -> Self {
        let batch = |lease: &LaneLease| {
            let LaneLease { lane, cursor, .. } = *lease;
            (lane, LaneBatch { lane, events: Vec::new(), through: cursor, has_more: false })
        };
        let began = leases.iter().map(|lease| (lease.lane, lease.cursor)).collect();
        Self { began, batches: leases.iter().map(batch).collect() }
    }

    /// Where the lane is that is furthest behind.
    fn least(&self) -> Cursor {
        self.batches.values().map(|batch| batch.through).min().unwrap_or_default()
    }

    /// The lanes of which something may be in the stretch, and where they are.
    fn before_end_of(&self, stretch: &Stretch) -> Vec<(Lane, Cursor)> {
        let end = Cursor { window: stretch.last(), position: END_OF_WINDOW };
        let places = self.batches.values().map(|batch| (batch.lane, batch.through));
        places.filter(|(_, cursor)| *cursor < end).collect()
    }

    fn take(&mut self, events: Vec<(Lane, LoggedEvent)>) {
        let whole = self.batches.contains_key(&Lane::WHOLE);
        for (lane, event) in events {
            let lane = if whole { Lane::WHOLE } else { lane };
            if let Some(batch) = self.batches.get_mut(&lane) {
                batch.events.push(event);
            }
        }
    }

    /// All of them are read up to there, or were before.
    fn reach(&mut self, cursor: Cursor) {
        self.batches.values_mut().for_each(|batch| batch.through = batch.through.max(cursor));
    }

    /// There may be more in any of them.
    fn cut(&mut self) {
        self.batches.values_mut().for_each(|batch| batch.has_more = true);
    }

    /// One batch for each lane that was read on, with or without events, or not to its end.
    fn batches(self) -> Vec<LaneBatch> {
        let Self { began, mut batches } = self;
        let got_on = |(lane, cursor): &(Lane, Cursor)| {
            batches.remove(lane).filter(|batch| batch.has_more || batch.through > *cursor)
        };
        began.iter().filter_map(got_on).collect()
    }
}

impl OutboxLog for PgStore {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        Box::pin(lease::join(self, reader, worker, ttl))
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(lease::claim(self, reader, claim))
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(self.read_leases(leases, limit))
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(lease::advance(self, reader, progress, lease_ttl))
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(lease::release(self, reader, worker, leases))
    }
}
