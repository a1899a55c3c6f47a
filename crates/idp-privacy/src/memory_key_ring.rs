//! Keys in memory, which can be added and destroyed.

use crate::{Key, KeyId, KeyRing};
use idp_application::{BoxFuture, Error, ErrorKind};
use idp_domain::TenantId;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A key ring in memory.
#[derive(Debug, Default)]
pub struct MemoryKeyRing {
    tenants: RwLock<BTreeMap<TenantId, Vec<Key>>>,
}

impl MemoryKeyRing {
    /// Gives the tenant a key, which is its current one from now on. Fails when the tenant has a key
    /// of that id.
    pub fn add(&self, tenant: TenantId, key: Key) -> Result<(), Error> {
        let mut tenants = self.write();
        let keys = tenants.entry(tenant).or_default();
        if keys.iter().any(|known| known.id() == key.id()) {
            let message = format!("there is a key `{}` already", key.id());
            return Err(Error::new(ErrorKind::Duplicate, "add a key", message));
        }
        keys.push(key);
        Ok(())
    }

    /// Destroys one key: what was encrypted with it, and not with another since, is lost.
    pub fn destroy(&self, tenant: &TenantId, id: &KeyId) {
        if let Some(keys) = self.write().get_mut(tenant) {
            keys.retain(|key| key.id() != id);
        }
    }

    /// Destroys all keys of a tenant: everything that was ever encrypted for it is lost, wherever
    /// copies of it are (crypto-shredding).
    pub fn shred(&self, tenant: &TenantId) {
        self.write().remove(tenant);
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<TenantId, Vec<Key>>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<TenantId, Vec<Key>>> {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyRing for MemoryKeyRing {
    fn current<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Key, Error>> {
        let key = self.read().get(tenant).and_then(|keys| keys.last().cloned());
        Box::pin(async move { key.ok_or_else(|| no_key(tenant)) })
    }

    fn find<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<Key>, Error>> {
        let tenants = self.read();
        let keys = tenants.get(tenant).map_or(&[][..], Vec::as_slice);
        let key = keys.iter().find(|key| key.id() == id).cloned();
        Box::pin(async move { Ok(key) })
    }
}

pub(crate) fn no_key(tenant: &TenantId) -> Error {
    let message = format!("tenant `{tenant}` has no key to encrypt with");
    Error::new(ErrorKind::Invalid, "find a key", message)
}
