//! What a relay sets aside is encrypted anew, and decrypted again when it is due.

use super::origins::Origin;
use super::{Encrypted, SHREDDED, shredded};
use crate::Key;
use crate::cipher::Known;
use idp_application::{
    BoxFuture, Deliveries, Due, Error, ErrorKind, Lane, LaneLease, LaneRecord, Reader, SetAside,
    delegate_port,
};
use idp_domain::{Envelope, TenantId};
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
        let mut current: HashMap<TenantId, Option<Key>> = HashMap::new();
        for aside in asides {
            let envelope = aside.envelope.clone();
            if envelope.event_type == SHREDDED {
                continue;
            }
            let tenant = &envelope.tenant;
            if !current.contains_key(tenant) {
                current.insert(tenant.clone(), self.current_if_any(tenant).await?);
            }
            aside.envelope = match &current[tenant] {
                Some(key) => self.encrypted(envelope, key)?,
                None => self.as_it_stood(envelope).await?,
            };
        }
        Ok(())
    }

    /// `None` when the tenant has none. A key ring that does not answer is an error.
    async fn current_if_any(&self, tenant: &TenantId) -> Result<Option<Key>, Error> {
        match self.cipher.current(tenant).await {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An event of a tenant without a key to encrypt with. It must not hold up what else is recorded.
    async fn as_it_stood(&self, envelope: Envelope) -> Result<Envelope, Error> {
        let Origin::Encrypted(id) = self.origins.of(&envelope) else { return Ok(envelope) };
        match self.cipher.find(&envelope.tenant, &id).await? {
            Some(key) => self.encrypted(envelope, &key),
            None => Ok(shredded(envelope)),
        }
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
    delegate_port!(Deliveries { blocked, settle } => |this| this.inner);

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
}
