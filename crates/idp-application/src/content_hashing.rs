//! Which hash seals the events of a tenant.

use idp_domain::{ContentHasher, TenantId};

/// Gives each tenant its content hasher; implement it to seal events with a key per tenant.
pub trait ContentHashing: Send + Sync + 'static {
    /// The hasher for the events of that tenant.
    fn hasher(&self, tenant: &TenantId) -> ContentHasher;
}

/// Plain SHA-256 for everybody: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainHashing;

impl ContentHashing for PlainHashing {
    fn hasher(&self, _tenant: &TenantId) -> ContentHasher {
        ContentHasher::Plain
    }
}
