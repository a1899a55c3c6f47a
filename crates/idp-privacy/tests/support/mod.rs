//! What the tests share: keys, and a look behind the encryption.
#![allow(dead_code, reason = "each test program uses another part of it")]

use idp_application::{
    BoxFuture, Claim, Error, LoggedEvent, OutboxLog, Reader, Sharding, SystemColumn, WorkerId,
};
use idp_conformance::AuditColumns;
use idp_domain::{TableSchema, TenantId, Uuid, Value};
use idp_memory::MemoryStore;
use idp_privacy::{Key, KeyId, KeyRing};
use std::time::Duration;

/// Gives each tenant a key, made of its name.
pub(crate) struct EveryTenant;

impl KeyRing for EveryTenant {
    fn current<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Key, Error>> {
        Box::pin(async move { Ok(key_of(tenant)) })
    }

    fn find<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<Key>, Error>> {
        Box::pin(async move { Ok(Some(key_of(tenant)).filter(|key| key.id() == id)) })
    }
}

fn key_of(tenant: &TenantId) -> Key {
    let mut secret = [0x5a; Key::BYTES];
    for (byte, name) in secret.iter_mut().zip(tenant.as_str().bytes()) {
        *byte ^= name;
    }
    Key::new(key_id("k1"), secret)
}

pub(crate) fn key_id(text: &str) -> KeyId {
    KeyId::new(text).expect("a key id")
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

/// All events of a log, as a new reader of that name gets them.
pub(crate) async fn all_events(log: &dyn OutboxLog, name: &str) -> Result<Vec<LoggedEvent>, Error> {
    let reader = Reader { name: name.into(), sharding: Sharding::Whole };
    let (worker, ttl) = (WorkerId(Uuid::from_u128(1)), Duration::from_secs(10));
    log.join(&reader, worker, ttl).await?;
    let claim = Claim { worker, lanes_max: 1, lease_ttl: ttl };
    let leases = log.claim(&reader, claim).await?;
    let batches = log.read(&leases, 1_000).await?;
    Ok(batches.into_iter().flat_map(|batch| batch.events).collect())
}

/// The system columns of a row.
pub(crate) fn audit(
    store: &MemoryStore,
    tenant: &TenantId,
    table: &'static TableSchema,
    key: Uuid,
) -> Option<AuditColumns> {
    let columns = store.system_columns(tenant, table, &Value::Uuid(key))?;
    let time = |column| match columns.get(&column) {
        Some(Value::Time(time)) => Some(*time),
        _ => None,
    };
    let text = |column| match columns.get(&column) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    Some(AuditColumns {
        created_at: time(SystemColumn::CreatedAt),
        created_by: text(SystemColumn::CreatedBy),
        updated_at: time(SystemColumn::UpdatedAt),
        updated_by: text(SystemColumn::UpdatedBy),
        deleted_at: time(SystemColumn::DeletedAt),
        deleted_by: text(SystemColumn::DeletedBy),
    })
}
