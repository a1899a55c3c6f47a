//! A backend whose payloads are encrypted keeps every contract of the backend.

mod support;

use idp_application::{Backend, Clock, LogKeeping, LogLag, ManualClock, RelayLog};
use idp_conformance::log_keeping::KeepingHarness;
use idp_conformance::log_lag::LagHarness;
use idp_conformance::{AuditColumns, Capabilities, Harness, sample};
use idp_domain::{TableSchema, TenantId, Timestamp, Uuid};
use idp_memory::MemoryStore;
use idp_privacy::{Cipher, Encrypted};
use std::sync::Arc;
use std::time::Duration;
use support::EveryTenant;

idp_conformance::unit_of_work!(EncryptedHarness::start());
idp_conformance::repository!(EncryptedHarness::start());
idp_conformance::outbox!(EncryptedHarness::start());
idp_conformance::projection!(EncryptedHarness::start());
idp_conformance::deliveries!(EncryptedHarness::start());
idp_conformance::tenants!(EncryptedHarness::start());
idp_conformance::log_keeping!(EncryptedHarness::start());
idp_conformance::log_lag!(EncryptedHarness::start());

struct EncryptedHarness {
    store: Arc<MemoryStore>,
    encrypted: Arc<Encrypted<MemoryStore>>,
    clock: Arc<ManualClock>,
}

impl EncryptedHarness {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_micros(1_700_000_000_000_000)));
        let store = Arc::new(MemoryStore::default().with_clock(clock.clone()));
        let cipher = Cipher::new(Arc::new(EveryTenant));
        let encrypted = Arc::new(Encrypted::new(Arc::clone(&store), cipher));
        let backend: Arc<dyn Backend> = encrypted.clone();
        backend.migrate(sample::TABLES).await.expect("a new store has no tables");
        Self { store, encrypted, clock }
    }
}

impl Harness for EncryptedHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        self.encrypted.clone()
    }

    async fn second_process(&self) -> Arc<dyn Backend> {
        Arc::new(Encrypted::new(Arc::clone(&self.store), Cipher::new(Arc::new(EveryTenant))))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::embedded()
    }

    async fn audit(
        &self,
        tenant: &TenantId,
        table: &'static TableSchema,
        key: Uuid,
    ) -> Option<AuditColumns> {
        support::audit(&self.store, tenant, table, key)
    }

    fn advance_lease_clock(&self, by: Duration) -> bool {
        let micros = i64::try_from(by.as_micros()).expect("clauses move the clock by little");
        self.clock.set(Timestamp::from_unix_micros(self.clock.now().unix_micros() + micros));
        true
    }
}

impl KeepingHarness for EncryptedHarness {
    fn keeping(&self) -> Arc<dyn LogKeeping> {
        self.encrypted.clone()
    }

    fn relay_log(&self) -> Arc<dyn RelayLog> {
        self.encrypted.clone()
    }
}

impl LagHarness for EncryptedHarness {
    fn lag(&self) -> Arc<dyn LogLag> {
        self.encrypted.clone()
    }
}
