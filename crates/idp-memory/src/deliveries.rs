//! Events that are set aside and sent later.

use crate::side_track::{Refusal, SideTrack};
use crate::state::State;
use crate::store::MemoryStore;
use idp_application::{
    AsideReason, BlockedKey, BoxFuture, Deliveries, DeliveryKey, Due, Error, Lane, LaneLease,
    LaneRecord, Reader, SetAside, Settled, Settlement, SideBatch,
};
use idp_domain::Timestamp;
use std::ops::RangeInclusive;
use std::time::Duration;

impl State {
    fn record(
        &mut self,
        reader: &Reader,
        records: &[LaneRecord],
        now: Timestamp,
        ttl: Duration,
    ) -> Vec<Lane> {
        let mut held = Vec::new();
        for record in records {
            let progress = &record.progress;
            let Some(before) = self.readers.place(reader, progress.lane, progress.epoch) else {
                continue;
            };
            if progress.cursor > before.cursor {
                let passed = before.sequence + 1..=progress.sequence;
                self.set_aside(reader, progress.lane, &record.aside, passed, now);
            }
            self.readers.advance_lane(reader, progress, now, ttl);
            held.push(progress.lane);
        }
        held
    }

    /// Sets aside what is passed over now; what stands before was, when that place was recorded.
    pub(crate) fn set_aside(
        &mut self,
        reader: &Reader,
        lane: Lane,
        aside: &[SetAside],
        passed: RangeInclusive<i64>,
        now: Timestamp,
    ) {
        for aside in aside.iter().filter(|aside| passed.contains(&aside.sequence)) {
            let side = self.side_tracks.entry(reader.name.clone()).or_default();
            side.set_aside(lane, aside);
            if let AsideReason::Refused(error) = &aside.reason {
                let key = DeliveryKey::of(&aside.envelope);
                self.park(reader, lane, &key, error, now);
            }
        }
    }

    fn park(&mut self, reader: &Reader, lane: Lane, key: &DeliveryKey, error: &str, at: Timestamp) {
        let refusal = Refusal { at, revision: self.next_revision(), error: error.to_owned() };
        self.side_tracks.entry(reader.name.clone()).or_default().park(lane, key, refusal);
    }

    fn due(&mut self, reader: &Reader, leases: &[LaneLease], limit: u32, now: Timestamp) -> Due {
        let Some(side) = self.side_tracks.get_mut(&reader.name) else { return Due::default() };
        let held =
            leases.iter().filter(|lease| self.readers.holds(reader, lease.lane, lease.epoch));
        let held: Vec<Lane> = held.map(|lease| lease.lane).collect();
        let batches = share_out(side, &held, limit, now);
        let next = held.iter().filter_map(|lane| side.next_due(*lane, now)).min();
        let in_micros = next.map(|at| at.unix_micros().saturating_sub(now.unix_micros()));
        let next = in_micros.map(|micros| Duration::from_micros(micros.unsigned_abs()));
        Due { batches, next }
    }

    fn settle(
        &mut self,
        reader: &Reader,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Error> {
        settlement.check()?;
        let Settlement { lane, epoch, through, refused } = settlement;
        if !self.readers.holds(reader, *lane, *epoch) {
            return Ok(Settled::Fenced);
        }
        let Some(side) = self.side_tracks.get_mut(&reader.name) else {
            return Ok(Settled::Done { unblocked: Vec::new() });
        };
        let mut unblocked: Vec<_> = side.acknowledge(*lane, *through).into_iter().collect();
        if let Some((number, error)) = refused
            && let Some(key) = side.refuse(*lane, *number)
        {
            self.park(reader, *lane, &key, error, now);
        }
        let side = self.side_tracks.entry(reader.name.clone()).or_default();
        unblocked.retain(|key| side.forget_unblocked(key));
        Ok(Settled::Done { unblocked })
    }
}

/// Gives what is due. A lane with much does not keep the others waiting: each gets a share of the
/// limit, and what one leaves of its share goes to the next.
fn share_out(side: &mut SideTrack, lanes: &[Lane], limit: u32, now: Timestamp) -> Vec<SideBatch> {
    let due: Vec<_> = lanes.iter().filter(|lane| side.is_due(**lane, now)).collect();
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut batches = Vec::with_capacity(due.len());
    for (index, lane) in due.iter().enumerate() {
        let share = left.div_ceil(due.len() - index);
        let entries = side.give(**lane, share, now);
        left -= entries.len();
        if !entries.is_empty() {
            batches.push(SideBatch { lane: **lane, entries });
        }
    }
    batches
}

impl Deliveries for MemoryStore {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let Some(side) = state.side_tracks.get(&reader.name) else { return Ok(Vec::new()) };
            Ok(lanes.iter().flat_map(|lane| side.blocked(*lane)).collect())
        })
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let now = self.now();
            Ok(self.state().record(reader, records, now, lease_ttl))
        })
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        Box::pin(async move {
            let now = self.now();
            Ok(self.state().due(reader, leases, limit, now))
        })
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        Box::pin(async move {
            let now = self.now();
            self.state().settle(reader, settlement, now)
        })
    }
}
