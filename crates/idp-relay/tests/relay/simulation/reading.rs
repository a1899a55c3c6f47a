//! What the readers of a log are told, held against the copy of it.

use super::auditor::{Known, told};
use super::log_copy::Copied;
use super::passed::{Passed, number};
use idp_application::{
    Cursor, Lane, LaneBatch, LaneLease, LaneProgress, LaneTracks, Membership, Reader, Sharding,
    TenantScope, TrackBatch, TrackReading, TrackRecord,
};
use idp_domain::Envelope;

impl Known {
    /// A worker joined: at first the reader begins behind what was dropped.
    pub(crate) fn joined(&mut self, reader: &Reader, membership: &Membership) {
        let whole = reader.sharding == Sharding::Whole;
        let passed = self.readers.entry(reader.name.clone()).or_insert_with(|| {
            let begins = |lane| (lane, self.copy.among_first(lane, self.dropped));
            let passed = Passed::from(self.copy.lanes(whole).into_iter().map(begins).collect());
            self.seen.missed += passed.missed;
            passed
        });
        let (told, missed) = (membership.events_missed, passed.missed);
        if u64::try_from(missed) != Ok(told) {
            self.fault(format!("{} is told that it missed {told}, not {missed}", reader.name));
        }
    }

    /// A worker has these lanes now: from where its reader stands.
    pub(crate) fn claimed(&mut self, reader: &Reader, leases: &[LaneLease]) {
        for lease in leases {
            let passed = self.readers.get(&reader.name);
            let passed = passed.map_or(0, |passed| passed.number(lease.lane));
            let at = self.copy.number_at(lease.lane, lease.cursor);
            let given = number(lease.sequence);
            if (given, at) != (passed, passed) {
                let lane = lease.lane;
                self.fault(format!(
                    "{} is at {passed} of {lane:?}, and gets the lane at {given}, at the place of {at}",
                    reader.name
                ));
            }
        }
    }

    /// A worker read on from these leases.
    pub(crate) fn read(&mut self, reader: &Reader, leases: &[LaneLease], batches: &[LaneBatch]) {
        for batch in batches {
            let lease = leases.iter().find(|lease| lease.lane == batch.lane);
            let Some(lease) = lease else {
                return self.fault(format!("{:?} was given to who did not ask", batch.lane));
            };
            let begins = self.copy.number_at(batch.lane, lease.cursor);
            let ends = self.copy.number_at(batch.lane, batch.through);
            let is_dense = begins == number(lease.sequence) && ends == begins + batch.events.len();
            let expected = self.copy.behind(batch.lane, lease.cursor);
            let is_same =
                expected.zip(&batch.events).all(|(copied, event)| is_same(copied, &event.envelope));
            if !is_dense || !is_same {
                let (name, lane, count) = (&reader.name, batch.lane, batch.events.len());
                let numbered = lease.sequence;
                self.fault(format!(
                    "{name} reads {count} events of {lane:?} behind number {numbered}, which are not \
                     those of the numbers {begins} to {ends}"
                ));
            }
        }
    }

    /// A worker read on, in a scope.
    pub(crate) fn read_scoped(
        &mut self,
        reader: &Reader,
        readings: &[TrackReading],
        batches: &[TrackBatch],
    ) {
        for batch in batches {
            let reading = readings.iter().find(|reading| reading.lane == batch.lane);
            let Some(reading) = reading else {
                return self.fault(format!("{:?} was given to who did not ask", batch.lane));
            };
            let is_right =
                are_same(self.copy.behind(batch.lane, reading.cursor), batch, &reading.scope);
            if !is_right {
                let (name, lane, cursor) = (&reader.name, batch.lane, reading.cursor);
                self.fault(format!("{name} reads of {lane:?} behind {cursor:?} what is not there"));
            }
        }
    }

    /// A worker was told that something is gone that it asked for.
    pub(crate) fn told_gone<'a>(
        &mut self,
        reader: &Reader,
        places: impl Iterator<Item = (Lane, Cursor, Option<&'a TenantScope>)>,
    ) {
        let mut gone = 0;
        let mut needed = Vec::new();
        for (lane, cursor, scope) in places {
            let behind = self.copy.behind(lane, cursor);
            for event in behind.take_while(|event| event.number <= self.dropped) {
                gone += 1;
                let is_wanted = scope.is_none_or(|scope| scope.admits(&event.envelope.tenant));
                let passed = self.readers.get(&reader.name);
                if is_wanted && passed.is_some_and(|passed| !passed.has(event)) {
                    needed.push(told(event));
                }
            }
        }
        let name = &reader.name;
        match needed.first() {
            Some(event) => self.fault(format!("{name} has yet to read {event}, which is gone")),
            None if gone == 0 => self.fault(format!("{name} is told that something is gone")),
            None => self.seen.told_gone += 1,
        }
    }

    /// A worker recorded progress of lanes; of those it holds these still.
    pub(crate) fn recorded<'a>(
        &mut self,
        reader: &Reader,
        progress: impl Iterator<Item = &'a LaneProgress>,
        held: &[Lane],
    ) {
        for progress in progress.filter(|progress| held.contains(&progress.lane)) {
            let at = self.copy.number_at(progress.lane, progress.cursor);
            if at != number(progress.sequence) {
                let (name, LaneProgress { lane, sequence, .. }) = (&reader.name, progress);
                self.fault(format!("{name} records {sequence} of {lane:?} at the place of {at}"));
            }
            self.readers.entry(reader.name.clone()).and_modify(|passed| passed.advance(progress));
        }
    }

    /// These tracks are there beside the main tracks of lanes.
    pub(crate) fn split<'a>(
        &mut self,
        reader: &Reader,
        known: impl IntoIterator<Item = &'a LaneTracks>,
    ) {
        if let Some(passed) = self.readers.get_mut(&reader.name) {
            known.into_iter().for_each(|known| passed.split(known));
        }
    }

    /// A worker recorded progress of tracks; of the lanes it holds these still.
    pub(crate) fn tracks_recorded(
        &mut self,
        reader: &Reader,
        records: &[TrackRecord],
        held: &[Lane],
    ) {
        if let Some(passed) = self.readers.get_mut(&reader.name) {
            let held = records.iter().filter(|record| held.contains(&record.lane));
            held.for_each(|record| passed.advance_track(record));
        }
    }
}

fn is_same(copied: &Copied, event: &Envelope) -> bool {
    copied.envelope.event_id == event.event_id
}

/// Whether a batch has these events, those beside the scope as a number.
fn are_same<'a>(
    mut copied: impl Iterator<Item = &'a Copied>,
    batch: &TrackBatch,
    scope: &TenantScope,
) -> bool {
    let mut events = batch.events.iter().flat_map(|event| {
        let count = usize::try_from(event.count).expect("few");
        std::iter::repeat_n(event.envelope.as_ref(), count)
    });
    events.all(|event| {
        copied.next().is_some_and(|copied| match event {
            Some(event) => is_same(copied, event),
            None => !scope.admits(&copied.envelope.tenant),
        })
    })
}
