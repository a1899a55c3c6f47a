//! The outbox as its readers see it: windows read through leases.

use crate::lease;
use crate::store::PgStore;
use crate::window::Slice;
use idp_application::{
    BoxFuture, Claim, Cursor, Error, Lane, LaneBatch, LaneLease, LaneProgress, LoggedEvent,
    Membership, OutboxLog, Reader, WorkerId,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The position behind the last event of a window, whatever that was.
pub(crate) const END_OF_WINDOW: i64 = i64::MAX;

impl PgStore {
    /// Lanes that stand at the same place are read together.
    async fn read_leases(&self, leases: &[LaneLease], limit: u32) -> Result<Vec<LaneBatch>, Error> {
        let mut groups: BTreeMap<Cursor, Vec<Lane>> = BTreeMap::new();
        for lease in leases {
            groups.entry(lease.cursor).or_default().push(lease.lane);
        }
        let mut left = limit;
        let mut batches = Vec::new();
        for (cursor, lanes) in groups {
            if left == 0 {
                break;
            }
            let (through, events) = self.read_lanes(cursor, &lanes, left).await?;
            left -= u32::try_from(events.len()).unwrap_or(left).min(left);
            if through > cursor {
                batches.extend(by_lane(&lanes, through, events));
            }
        }
        Ok(batches)
    }

    /// Reads on from a cursor, window by window. Gives how far it came.
    async fn read_lanes(
        &self,
        mut cursor: Cursor,
        lanes: &[Lane],
        limit: u32,
    ) -> Result<(Cursor, Vec<(Lane, LoggedEvent)>), Error> {
        let mut events = Vec::new();
        let mut left = limit;
        loop {
            let (number, after) = match cursor {
                Cursor { window: 0, .. } => (1, 0),
                Cursor { window, position: END_OF_WINDOW } => (window + 1, 0),
                Cursor { window, position } => (window, position),
            };
            let Some(window) = self.window(number).await? else { break };
            let slice = Slice { number, after, lanes, limit: left };
            let read = self.slice(&window, &slice).await?;
            let count = u32::try_from(read.len()).unwrap_or(left);
            let last = read.last().map(|(_, event)| event.cursor);
            events.extend(read);
            left = left.saturating_sub(count);
            match last.filter(|_| left == 0) {
                Some(last) => {
                    cursor = last;
                    break;
                }
                None => cursor = Cursor { window: number, position: END_OF_WINDOW },
            }
        }
        Ok((cursor, events))
    }
}

/// One batch for each lane that was read, with or without events.
fn by_lane(
    lanes: &[Lane],
    through: Cursor,
    events: Vec<(Lane, LoggedEvent)>,
) -> impl Iterator<Item = LaneBatch> {
    let whole = lanes.contains(&Lane::WHOLE);
    let mut batches: BTreeMap<Lane, Vec<LoggedEvent>> =
        lanes.iter().map(|lane| (*lane, Vec::new())).collect();
    for (lane, event) in events {
        let lane = if whole { Lane::WHOLE } else { lane };
        batches.entry(lane).or_default().push(event);
    }
    batches.into_iter().map(move |(lane, events)| LaneBatch { lane, events, through })
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
