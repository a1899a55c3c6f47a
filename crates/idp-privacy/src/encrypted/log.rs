//! Reading the log: payloads come in clear. What it keeps, and who is behind, has none.

use super::Encrypted;
use crate::cipher::Known;
use idp_application::{
    BoxFuture, Error, LaneBatch, LaneLease, LogKeeping, LogLag, OutboxLog, delegate_port,
};

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
    delegate_port!(OutboxLog { join, claim, advance, release } => |this| this.inner);

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(self.read_decrypted(leases, limit))
    }
}

impl<B: LogKeeping + ?Sized> LogKeeping for Encrypted<B> {
    delegate_port!(LogKeeping => |this| this.inner);
}

impl<B: LogLag + ?Sized> LogLag for Encrypted<B> {
    delegate_port!(LogLag => |this| this.inner);
}
