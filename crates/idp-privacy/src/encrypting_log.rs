//! A log in clear whose payloads are encrypted when they are read: for an archive of it.

use crate::encrypted::{CLEAR, shredded};
use crate::jwe::Document;
use crate::{Cipher, Key, Subject};
use idp_application::{
    BoxFuture, Error, ErrorKind, LaneBatch, LaneLease, OutboxLog, delegate_port,
};
use idp_domain::{Envelope, TenantId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A log whose payloads leave it encrypted, each with the current key of its tenant, in the form that
/// [`Decrypt`](crate::Decrypt) opens. What is [encrypted](crate::Encrypted) in the log already stays as it
/// is. So an archive of it can be checked without keys, is replayed with them, and what it has of a tenant is
/// unreadable once the keys of that tenant are destroyed.
///
/// The content hash stays that of the event in clear. Read again, an event is encrypted anew: its bytes
/// differ.
///
/// A reading fails with [`Invalid`](ErrorKind::Invalid) when a tenant has no key, so that nothing leaves
/// in clear, and nothing is lost by a mistake; unless the tenant is said to be
/// [forgotten](Self::forgetting).
pub struct EncryptingLog<L: ?Sized> {
    log: Arc<L>,
    cipher: Cipher,
    is_forgotten: Arc<Forgotten>,
}

type Forgotten = dyn Fn(&TenantId) -> bool + Send + Sync;

/// The current keys of tenants; `None` of one that is forgotten.
type Current = HashMap<TenantId, Option<Key>>;

impl<L: ?Sized> EncryptingLog<L> {
    /// Encrypts what is read from that log.
    pub fn new(log: Arc<L>, cipher: Cipher) -> Self {
        Self { log, cipher, is_forgotten: Arc::new(|_| false) }
    }

    /// Says whose keys were destroyed on purpose. What is still in clear in the log of such a tenant leaves
    /// it as [`SHREDDED`](crate::SHREDDED), for good.
    pub fn forgetting(
        mut self,
        is_forgotten: impl Fn(&TenantId) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.is_forgotten = Arc::new(is_forgotten);
        self
    }

    async fn encrypted(&self, event: Envelope, known: &mut Current) -> Result<Envelope, Error> {
        if Document::recognise(event.payload.as_bytes()).is_some() {
            return Ok(event);
        }
        if !known.contains_key(&event.tenant) {
            let key = self.current(&event.tenant).await?;
            known.insert(event.tenant.clone(), key);
        }
        let Some(Some(key)) = known.get(&event.tenant) else { return Ok(shredded(event)) };
        let hash = event.content_hash();
        let mut record = event.into_record();
        let (subject, payload) = (Subject::of_record(&record), record.payload.as_bytes());
        record.payload = self.cipher.encrypt_with(key, subject, CLEAR, payload)?;
        Ok(Envelope::restore(record, hash))
    }

    async fn current(&self, tenant: &TenantId) -> Result<Option<Key>, Error> {
        match self.cipher.current(tenant).await {
            Err(error) if error.kind() == ErrorKind::Invalid && (self.is_forgotten)(tenant) => {
                Ok(None)
            }
            key => key.map(Some),
        }
    }
}

impl<L: OutboxLog + ?Sized> EncryptingLog<L> {
    async fn read_encrypted(
        &self,
        leases: &[LaneLease],
        limit: u32,
    ) -> Result<Vec<LaneBatch>, Error> {
        let mut batches = self.log.read(leases, limit).await?;
        let mut known = Current::new();
        for event in batches.iter_mut().flat_map(|batch| &mut batch.events) {
            event.envelope = self.encrypted(event.envelope.clone(), &mut known).await?;
        }
        Ok(batches)
    }
}

impl<L: OutboxLog + ?Sized> OutboxLog for EncryptingLog<L> {
    delegate_port!(OutboxLog { join, claim, advance, release } => |this| this.log);

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        Box::pin(self.read_encrypted(leases, limit))
    }
}

impl<L: ?Sized> fmt::Debug for EncryptingLog<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptingLog").finish_non_exhaustive()
    }
}
