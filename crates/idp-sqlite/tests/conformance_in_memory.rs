//! The SQLite store keeps every contract, in memory, where reads and writes share a connection.
//!
//! No other connection reaches its database, so the harness reads system columns through a schema that
//! lists them as columns.

use idp_application::{Backend, Migrate, RowQuery, Scope, Store, StoredRow, Visibility};
use idp_conformance::{AuditColumns, Capabilities, Harness, sample};
use idp_domain::{Column, Kind, TableKind, TableSchema, TenantId, Timestamp, Uuid, Value};
use idp_sqlite::SqliteStore;
use std::sync::Arc;

idp_conformance::unit_of_work!(MemoryHarness::start());
idp_conformance::repository!(MemoryHarness::start());
idp_conformance::outbox!(MemoryHarness::start());
idp_conformance::projection!(MemoryHarness::start());
idp_conformance::deliveries!(MemoryHarness::start());
idp_conformance::tenants!(MemoryHarness::start());

struct MemoryHarness {
    store: Arc<SqliteStore>,
}

impl MemoryHarness {
    async fn start() -> Self {
        let store = SqliteStore::in_memory().expect("memory opens");
        store.migrate(sample::TABLES).await.expect("a new database has no tables");
        Self { store: Arc::new(store) }
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
        let schema = system_schema(table);
        let query = RowQuery::by_key(schema, Scope::Tenant(tenant.clone()), Value::Uuid(key));
        let query = RowQuery { visibility: Visibility::WithDeleted, ..query };
        let row = self.store.fetch(query).await.expect("the table can be read").rows.pop()?;
        Some(audit_columns(schema, &row))
    }
}

fn system_schema(table: &'static TableSchema) -> &'static TableSchema {
    let column = |name, kind| Column { name, kind, nullable: true };
    let mut columns = vec![*table.key_column()];
    if table.audit {
        columns.extend([column("created_at", Kind::Time), column("created_by", Kind::Text)]);
        columns.extend([column("updated_at", Kind::Time), column("updated_by", Kind::Text)]);
    }
    if table.soft_delete {
        columns.extend([column("deleted_at", Kind::Time), column("deleted_by", Kind::Text)]);
    }
    Box::leak(Box::new(TableSchema {
        name: table.name,
        kind: TableKind::Aggregate,
        columns: columns.leak(),
        key: 0,
        soft_delete: table.soft_delete,
        audit: table.audit,
        unique: &[],
        indexes: &[],
    }))
}

fn audit_columns(schema: &TableSchema, row: &StoredRow) -> AuditColumns {
    let value = |name: &str| {
        let index = schema.columns.iter().position(|column| column.name == name)?;
        Some(row.values[index].clone())
    };
    let time = |name| match value(name) {
        Some(Value::Time(time)) => Some::<Timestamp>(time),
        _ => None,
    };
    let text = |name| match value(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    AuditColumns {
        created_at: time("created_at"),
        created_by: text("created_by"),
        updated_at: time("updated_at"),
        updated_by: text("updated_by"),
        deleted_at: time("deleted_at"),
        deleted_by: text("deleted_by"),
    }
}
