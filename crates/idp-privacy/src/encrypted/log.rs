//! Reading the log: payloads come in clear.

use super::Encrypted;
use crate::cipher::Known;
use idp_application::{
    BoxFuture, Claim, Error, Lane, LaneBatch, LaneLease, LaneProgress, Membership, OutboxLog,
    Reader, WorkerId,
};
use std::time::Duration;

impl<B: OutboxLog + ?Sized> Encrypted<B> {
    async fn read_decrypted(
        &self,
        leases: &[LaneLease],
        limit: u32,
    ) -> Result<Vec<LaneBatch>, Error> {
        let mut batches = self.inner.read(leases, limit).await?;
        let mut known = Known::new();
        for event in batches.iter_mut().flat_map(|batch| &mut batch.events) {
            event.envelope = self.decrypted(event.envelope.clone(), &mut known).await?;
        }
        Ok(batches)
    }
}

impl<B: OutboxLog + ?Sized> OutboxLog for Encrypted<B> {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        self.inner.join(reader, worker, ttl)
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        self.inner.claim(reader, claim)
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(self.read_decrypted(leases, limit))
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.inner.advance(reader, progress, lease_ttl)
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.release(reader, worker, leases)
    }
}
