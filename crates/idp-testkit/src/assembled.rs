//! A backend put together from parts, so that a test can replace one of them.

use idp_application::{
    Backend, DeadLetters, Deliveries, LogKeeping, LogLag, Migrate, OutboxLog, ProjectionStore,
    RelayLog, Store, TenantPolicies, TenantTracks, delegate_port,
};
use std::sync::Arc;

/// Passes each call on to the part for it.
#[derive(Clone)]
pub struct Assembled {
    /// Rows and commits.
    pub store: Arc<dyn Store>,
    /// The outbox as a log.
    pub log: Arc<dyn OutboxLog>,
    /// What is set aside.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tenants that are served apart.
    pub tenants: Arc<dyn RelayLog>,
    /// What could not be delivered.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// What the log keeps.
    pub keeping: Arc<dyn LogKeeping>,
    /// How far readers are behind.
    pub lag: Arc<dyn LogLag>,
    /// Read models.
    pub projections: Arc<dyn ProjectionStore>,
    /// Tables.
    pub tables: Arc<dyn Migrate>,
}

impl Assembled {
    /// All parts from one backend; then replace what the test is about.
    pub fn of<B: Backend>(backend: &Arc<B>) -> Self {
        Self {
            store: backend.clone(),
            log: backend.clone(),
            deliveries: backend.clone(),
            tenants: backend.clone(),
            dead_letters: backend.clone(),
            keeping: backend.clone(),
            lag: backend.clone(),
            projections: backend.clone(),
            tables: backend.clone(),
        }
    }
}

impl Store for Assembled {
    delegate_port!(Store => |this| this.store);
}

impl OutboxLog for Assembled {
    delegate_port!(OutboxLog => |this| this.log);
}

impl Deliveries for Assembled {
    delegate_port!(Deliveries => |this| this.deliveries);
}

impl TenantTracks for Assembled {
    delegate_port!(TenantTracks => |this| this.tenants);
}

impl TenantPolicies for Assembled {
    delegate_port!(TenantPolicies => |this| this.tenants);
}

impl DeadLetters for Assembled {
    delegate_port!(DeadLetters => |this| this.dead_letters);
}

impl LogKeeping for Assembled {
    delegate_port!(LogKeeping => |this| this.keeping);
}

impl LogLag for Assembled {
    delegate_port!(LogLag => |this| this.lag);
}

impl ProjectionStore for Assembled {
    delegate_port!(ProjectionStore => |this| this.projections);
}

impl Migrate for Assembled {
    delegate_port!(Migrate => |this| this.tables);
}
