//! What a relay sets aside is encrypted anew, and decrypted again when it is due.

use super::{Encrypted, SHREDDED};
use crate::Key;
use crate::cipher::Known;
use idp_application::{
    BlockedKey, BoxFuture, Deliveries, Due, Error, Lane, LaneLease, LaneRecord, Reader, SetAside,
    Settled, Settlement,
};
use idp_domain::TenantId;
use std::collections::HashMap;
use std::time::Duration;

impl<B: Deliveries + ?Sized> Encrypted<B> {
    async fn encrypt_and_record(
        &self,
        reader: &Reader,
        records: &[LaneRecord],
        lease_ttl: Duration,
    ) -> Result<Vec<Lane>, Error> {
        if records.iter().all(|record| record.aside.is_empty()) {
            return self.inner.record(reader, records, lease_ttl).await;
        }
        let mut records = records.to_vec();
        self.encrypt_all(records.iter_mut().flat_map(|record| &mut record.aside)).await?;
        self.inner.record(reader, &records, lease_ttl).await
    }
}

impl<B: ?Sized> Encrypted<B> {
    pub(super) async fn encrypt_all(
        &self,
        asides: impl Iterator<Item = &mut SetAside> + Send,
    ) -> Result<(), Error> {
        let mut current: HashMap<TenantId, Key> = HashMap::new();
        for aside in asides {
            let envelope = &aside.envelope;
            if envelope.event_type == SHREDDED {
                continue;
            }
            let tenant = envelope.tenant.clone();
            if !current.contains_key(&tenant) {
                current.insert(tenant.clone(), self.cipher.current(&tenant).await?);
            }
            aside.envelope = self.encrypted(envelope.clone(), &current[&tenant])?;
        }
        Ok(())
    }
}

impl<B: Deliveries + ?Sized> Encrypted<B> {
    async fn due_decrypted(
        &self,
        reader: &Reader,
        leases: &[LaneLease],
        limit: u32,
    ) -> Result<Due, Error> {
        let mut due = self.inner.due(reader, leases, limit).await?;
        let mut known = Known::new();
        for entry in due.batches.iter_mut().flat_map(|batch| &mut batch.entries) {
            entry.envelope = self.decrypted(entry.envelope.clone(), &mut known).await?;
        }
        Ok(due)
    }
}

impl<B: Deliveries + ?Sized> Deliveries for Encrypted<B> {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        self.inner.blocked(reader, lanes)
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(self.encrypt_and_record(reader, records, lease_ttl))
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        Box::pin(self.due_decrypted(reader, leases, limit))
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        self.inner.settle(reader, settlement)
    }
}
