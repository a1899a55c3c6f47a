//! Broken reading of the outbox, and broken leases.

use super::{Bug, Saboteur};
use idp_application::{
    BoxFuture, Claim, Error, Lane, LaneBatch, LaneLease, LaneProgress, Membership, OutboxLog,
    Reader, WorkerId,
};
use idp_domain::{Envelope, EventRecord};
use std::time::Duration;

impl OutboxLog for Saboteur {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        self.store.join(reader, worker, self.distorted_ttl(ttl))
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        Box::pin(async move {
            if self.bug == Bug::GivesALaneToTwo {
                for (reader, worker, lease) in self.given() {
                    self.store.release(&reader, worker, &[lease]).await?;
                }
            }
            let lease_ttl = self.distorted_ttl(claim.lease_ttl);
            let mut leases = self.store.claim(reader, Claim { lease_ttl, ..claim }).await?;
            let given = leases.iter().map(|lease| (reader.clone(), claim.worker, *lease));
            self.given.lock().expect("nothing panics while it holds this").extend(given);
            if self.bug == Bug::ForgetsHowManyWereDropped {
                leases.iter_mut().for_each(|lease| lease.sequence = 0);
            }
            if self.bug == Bug::KeepsTheEpoch {
                leases.iter_mut().for_each(|lease| lease.epoch = 1);
            }
            Ok(leases)
        })
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(async move {
            let limit = if self.bug == Bug::IgnoresTheLimitOfARead { u32::MAX } else { limit };
            let read = self.store.read(leases, limit).await;
            if read.is_err() && self.bug == Bug::TakesWhatIsGoneForNothing {
                return Ok(Vec::new());
            }
            let mut batches = read?;
            for batch in &mut batches {
                self.spoil_batch(batch);
            }
            Ok(batches)
        })
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let progress: Vec<_> = progress
                .iter()
                .map(|progress| self.distorted_progress(reader, *progress))
                .collect();
            match self.bug {
                Bug::ForgetsToRenew => Ok(progress.iter().map(|progress| progress.lane).collect()),
                _ => self.store.advance(reader, &progress, self.distorted_ttl(lease_ttl)).await,
            }
        })
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.store.release(reader, worker, leases)
    }
}

impl Saboteur {
    fn distorted_ttl(&self, ttl: Duration) -> Duration {
        match self.bug {
            Bug::LetsLeasesExpireEarly => ttl / 2,
            Bug::LetsLeasesExpireLate => ttl * 2,
            _ => ttl,
        }
    }

    fn distorted_progress(&self, reader: &Reader, progress: LaneProgress) -> LaneProgress {
        match self.bug {
            Bug::AcceptsOldProgress => {
                LaneProgress { epoch: self.current_epoch(reader, progress.lane), ..progress }
            }
            Bug::ForgetsProgress => {
                LaneProgress { cursor: Default::default(), sequence: 0, ..progress }
            }
            _ => progress,
        }
    }

    /// The epoch of the last lease of that lane.
    pub(crate) fn current_epoch(&self, reader: &Reader, lane: Lane) -> i64 {
        let given = self.given();
        let last = given.iter().rev().find(|(of, _, lease)| of == reader && lease.lane == lane);
        last.map_or(0, |(_, _, lease)| lease.epoch)
    }

    fn spoil_batch(&self, batch: &mut LaneBatch) {
        match self.bug {
            Bug::SkipsAnEvent if batch.events.len() > 1 => {
                batch.events.remove(0);
            }
            Bug::ReadsAnEventTwice if batch.events.len() > 1 => {
                batch.through = batch.events[batch.events.len() - 2].cursor;
            }
            Bug::ReordersALane if batch.events.len() > 1 => batch.events.swap(0, 1),
            Bug::ChangesAnEnvelope => {
                for event in &mut batch.events {
                    let record =
                        EventRecord { schema_version: 1, ..EventRecord::clone(&event.envelope) };
                    event.envelope = Envelope::restore(record, event.envelope.content_hash());
                }
            }
            _ => {}
        }
    }
}
