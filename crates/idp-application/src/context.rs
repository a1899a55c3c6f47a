//! Who is asking, on whose behalf, and in which trace. Explicit, never ambient.

use idp_domain::{EventRecord, Metadata, TenantId};
use std::fmt;
use std::sync::Arc;

/// Who does something: a user, a service, a job. The subject of a verified token, or a name that
/// the bootstrap gives to its own jobs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Actor(Arc<str>);

impl Actor {
    /// The actor of that name. Only the edge that verified the identity should call this.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Actor({})", self.0)
    }
}

/// The context of one use case.
#[derive(Clone, Debug)]
pub struct Context {
    tenant: TenantId,
    actor: Actor,
    metadata: Metadata,
}

impl Context {
    /// The context of an actor who works for one tenant.
    pub fn new(tenant: TenantId, actor: Actor) -> Self {
        let metadata = [(EventRecord::ACTOR.to_string(), actor.as_str().to_string())].into();
        Self { tenant, actor, metadata }
    }

    /// Adds metadata that goes with every event of the use case, such as
    /// [`EventRecord::TRACE_PARENT`].
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The actor.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What goes with every event.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}
