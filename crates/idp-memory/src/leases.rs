//! How far each reader of the outbox is, and which of its workers holds which lane: the protocol of
//! [`OutboxLog`](idp_application::OutboxLog).

use idp_application::{
    Claim, Cursor, Error, ErrorKind, Lane, LaneCount, LaneLease, LaneProgress, Membership, Reader,
    Sharding, WorkerId,
};
use idp_domain::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How many times longer than a worker asks for nobody is alive.
const FAR_LONGER: u32 = 10;

/// The readers by name.
#[derive(Default)]
pub(crate) struct Readers {
    by_name: HashMap<String, Positions>,
    /// No lease of a reader that was forgotten had a higher epoch.
    epoch_forgotten: i64,
}

/// One reader.
struct Positions {
    sharding: Sharding,
    lanes: BTreeMap<Lane, Position>,
    /// Until when each worker counts as alive.
    workers: HashMap<WorkerId, Timestamp>,
}

/// How far one lane is read, and under which lease.
struct Position {
    lease: Option<Lease>,
    epoch: i64,
    cursor: Cursor,
    sequence: i64,
    /// How many events of the lane had been dropped before the reader began.
    missed: i64,
}

/// How far a lane was read.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) cursor: Cursor,
    pub(crate) sequence: i64,
}

struct Lease {
    owner: WorkerId,
    until: Timestamp,
}

impl Position {
    fn is_free(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    /// Whether a worker that was given this epoch has the lease still. It has when it expired and
    /// nobody claimed it since.
    fn is_held_under(&self, epoch: i64) -> bool {
        self.lease.is_some() && self.epoch == epoch
    }
}

impl Positions {
    fn events_missed(&self) -> u64 {
        let missed: i64 = self.lanes.values().map(|position| position.missed).sum();
        u64::try_from(missed).unwrap_or_default()
    }
}

impl Readers {
    pub(crate) fn join(
        &mut self,
        reader: &Reader,
        worker: WorkerId,
        now: Timestamp,
        ttl: Duration,
        lanes: LaneCount,
        start: impl Fn(Lane) -> Place,
    ) -> Result<Membership, Error> {
        let epoch = self.epoch_forgotten;
        let beginning = |lane| {
            let Place { cursor, sequence } = start(lane);
            Position { lease: None, epoch, cursor, sequence, missed: sequence }
        };
        let positions = self.by_name.entry(reader.name.clone()).or_insert_with(|| Positions {
            sharding: reader.sharding,
            lanes: lanes_of(reader.sharding, lanes).map(|lane| (lane, beginning(lane))).collect(),
            workers: HashMap::new(),
        });
        if positions.sharding != reader.sharding {
            let message = format!(
                "the reader `{}` has positions for {:?}, not for {:?}",
                reader.name, positions.sharding, reader.sharding
            );
            return Err(Error::new(ErrorKind::Invalid, "join", message));
        }
        positions.workers.retain(|_, until| *until > now);
        positions.workers.insert(worker, after(now, ttl));
        // Whoever is said to be alive for far longer than anybody asks for said so before the clock was
        // set back, and has said nothing since.
        let credible = after(now, ttl.saturating_mul(FAR_LONGER));
        let living = positions.workers.values().filter(|until| **until <= credible).count();
        Ok(Membership {
            workers_live: u16::try_from(living).unwrap_or(u16::MAX),
            lanes: u16::try_from(positions.lanes.len()).unwrap_or(u16::MAX),
            events_missed: positions.events_missed(),
        })
    }

    pub(crate) fn claim(
        &mut self,
        reader: &Reader,
        claim: Claim,
        now: Timestamp,
    ) -> Vec<LaneLease> {
        let Some(positions) = self.by_name.get_mut(&reader.name) else { return Vec::new() };
        let free = positions.lanes.iter_mut().filter(|(_, position)| position.is_free(now));
        free.take(claim.lanes_max.into())
            .map(|(lane, position)| {
                position.epoch += 1;
                let until = after(now, claim.lease_ttl);
                position.lease = Some(Lease { owner: claim.worker, until });
                let Position { epoch, cursor, sequence, .. } = *position;
                LaneLease { lane: *lane, epoch, cursor, sequence }
            })
            .collect()
    }

    pub(crate) fn advance(
        &mut self,
        reader: &Reader,
        progress: &[LaneProgress],
        now: Timestamp,
        ttl: Duration,
    ) -> Vec<Lane> {
        progress
            .iter()
            .filter(|progress| self.advance_lane(reader, progress, now, ttl))
            .map(|progress| progress.lane)
            .collect()
    }

    /// Records progress and renews the lease, unless the epoch is an old one. A position never moves
    /// back: a call that arrives late renews the lease and nothing else.
    pub(crate) fn advance_lane(
        &mut self,
        reader: &Reader,
        progress: &LaneProgress,
        now: Timestamp,
        ttl: Duration,
    ) -> bool {
        let Some(position) = self.held(reader, progress.lane, progress.epoch) else { return false };
        if progress.cursor > position.cursor {
            position.cursor = progress.cursor;
            position.sequence = progress.sequence;
        }
        if let Some(lease) = &mut position.lease {
            lease.until = after(now, ttl);
        }
        true
    }

    /// How far a lane was read; `None` when the epoch is an old one.
    pub(crate) fn place(&self, reader: &Reader, lane: Lane, epoch: i64) -> Option<Place> {
        let position = self.by_name.get(&reader.name)?.lanes.get(&lane)?;
        let place = Place { cursor: position.cursor, sequence: position.sequence };
        position.is_held_under(epoch).then_some(place)
    }

    /// Moves the cursor of a lane on over what is known to hold no event of it.
    pub(crate) fn skip_to(&mut self, reader: &Reader, lane: Lane, epoch: i64, cursor: Cursor) {
        if let Some(position) = self.held(reader, lane, epoch) {
            position.cursor = position.cursor.max(cursor);
        }
    }

    /// Puts the lane back to the start of the log, unless the epoch is an old one.
    pub(crate) fn rewind(&mut self, reader: &Reader, lane: Lane, epoch: i64) -> bool {
        let Some(position) = self.held(reader, lane, epoch) else { return false };
        position.cursor = Cursor::default();
        position.sequence = 0;
        true
    }

    /// Whether the lane is held under that epoch.
    pub(crate) fn holds(&self, reader: &Reader, lane: Lane, epoch: i64) -> bool {
        self.place(reader, lane, epoch).is_some()
    }

    pub(crate) fn release(&mut self, reader: &Reader, worker: WorkerId, leases: &[LaneLease]) {
        for lease in leases {
            if let Some(position) = self.held(reader, lease.lane, lease.epoch) {
                position.lease = None;
            }
        }
        let Some(positions) = self.by_name.get_mut(&reader.name) else { return };
        let owns = |position: &Position| {
            position.lease.as_ref().is_some_and(|lease| lease.owner == worker)
        };
        if !positions.lanes.values().any(owns) {
            positions.workers.remove(&worker);
        }
    }

    /// Every place of every reader.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&str, Lane, Place)> {
        self.by_name.iter().flat_map(|(name, positions)| {
            positions.lanes.iter().map(move |(lane, position)| {
                let Position { cursor, sequence, .. } = *position;
                (name.as_str(), *lane, Place { cursor, sequence })
            })
        })
    }

    /// How many events had been dropped before the reader began.
    pub(crate) fn events_missed(&self, reader: &str) -> u64 {
        self.by_name.get(reader).map_or(0, Positions::events_missed)
    }

    pub(crate) fn contains(&self, reader: &str) -> bool {
        self.by_name.contains_key(reader)
    }

    pub(crate) fn workers_live(&self, reader: &str, now: Timestamp) -> u16 {
        let workers = self.by_name.get(reader).into_iter().flat_map(|p| p.workers.values());
        u16::try_from(workers.filter(|until| **until > now).count()).unwrap_or(u16::MAX)
    }

    /// Removes a reader; what its workers knew is fenced for good.
    pub(crate) fn forget(&mut self, reader: &str) {
        let Some(positions) = self.by_name.remove(reader) else { return };
        let epochs = positions.lanes.values().map(|position| position.epoch);
        self.epoch_forgotten = epochs.max().unwrap_or_default().max(self.epoch_forgotten);
    }

    fn held(&mut self, reader: &Reader, lane: Lane, epoch: i64) -> Option<&mut Position> {
        let position = self.by_name.get_mut(&reader.name)?.lanes.get_mut(&lane)?;
        position.is_held_under(epoch).then_some(position)
    }
}

fn lanes_of(sharding: Sharding, lanes: LaneCount) -> Box<dyn Iterator<Item = Lane>> {
    match sharding {
        Sharding::Whole => Box::new(std::iter::once(Lane::WHOLE)),
        Sharding::ByLane => {
            let count = i16::try_from(lanes.get()).expect("there are at most 1024 lanes");
            Box::new((0..count).map(Lane::from_number))
        }
    }
}

fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    let micros = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(now.unix_micros().saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::Uuid;

    const TTL: Duration = Duration::from_secs(10);
    const HOUR: i64 = 3_600_000_000;
    const NOON: i64 = 1_700_000_000_000_000;

    fn reader() -> Reader {
        Reader { name: "bus".into(), sharding: Sharding::ByLane }
    }

    fn living(readers: &mut Readers, worker: u128, now: i64) -> u16 {
        let (worker, now) = (WorkerId(Uuid::from_u128(worker)), Timestamp::from_unix_micros(now));
        let start = |_| Place { cursor: Cursor::default(), sequence: 0 };
        let joined = readers.join(&reader(), worker, now, TTL, LaneCount::default(), start);
        joined.expect("it may join").workers_live
    }

    fn claim(readers: &mut Readers, worker: u128, now: i64) -> usize {
        let worker = WorkerId(Uuid::from_u128(worker));
        let claim = Claim { worker, lanes_max: 1_024, lease_ttl: TTL };
        readers.claim(&reader(), claim, Timestamp::from_unix_micros(now)).len()
    }

    #[test]
    fn a_worker_that_died_before_the_clock_was_set_back_does_not_count_as_alive() {
        let mut readers = Readers::default();
        assert_eq!(living(&mut readers, 1, NOON), 1);
        assert_eq!(living(&mut readers, 2, NOON), 2);
        assert_eq!(living(&mut readers, 2, NOON - HOUR), 1);
        // It was alive after all.
        assert_eq!(living(&mut readers, 1, NOON - HOUR), 2);
    }

    #[test]
    fn a_lease_lasts_longer_by_what_the_clock_was_set_back_and_ends_when_it_is_set_ahead() {
        let mut readers = Readers::default();
        living(&mut readers, 1, NOON);
        let all = claim(&mut readers, 1, NOON);
        assert_eq!(all, usize::from(LaneCount::default().get()));
        assert_eq!(claim(&mut readers, 2, NOON - HOUR), 0);
        assert_eq!(claim(&mut readers, 2, NOON + 9_999_999), 0);
        assert_eq!(claim(&mut readers, 2, NOON + HOUR), all);
    }
}
