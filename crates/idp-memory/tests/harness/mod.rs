//! The memory store under the suites.

use idp_application::{Backend, Clock, LogKeeping, LogLag, ManualClock, RelayLog, SystemColumn};
use idp_conformance::log_keeping::KeepingHarness;
use idp_conformance::log_lag::LagHarness;
use idp_conformance::{AuditColumns, Capabilities, Harness, sample};
use idp_domain::{TableSchema, TenantId, Timestamp, Uuid, Value};
use idp_memory::MemoryStore;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct MemoryHarness {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl MemoryHarness {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_micros(1_700_000_000_000_000)));
        let store = Arc::new(MemoryStore::default().with_clock(clock.clone()));
        let backend: Arc<dyn Backend> = store.clone();
        backend.migrate(sample::TABLES).await.expect("a new store has no tables");
        Self { store, clock }
    }
}

impl Harness for MemoryHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        self.store.clone()
    }

    async fn second_process(&self) -> Arc<dyn Backend> {
        self.store.clone()
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
        let columns = self.store.system_columns(tenant, table, &Value::Uuid(key))?;
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

    fn advance_lease_clock(&self, by: Duration) -> bool {
        let micros = i64::try_from(by.as_micros()).expect("clauses move the clock by little");
        self.clock.set(Timestamp::from_unix_micros(self.clock.now().unix_micros() + micros));
        true
    }
}

impl KeepingHarness for MemoryHarness {
    fn keeping(&self) -> Arc<dyn LogKeeping> {
        self.store.clone()
    }

    fn relay_log(&self) -> Arc<dyn RelayLog> {
        self.store.clone()
    }
}

impl LagHarness for MemoryHarness {
    fn lag(&self) -> Arc<dyn LogLag> {
        self.store.clone()
    }
}
