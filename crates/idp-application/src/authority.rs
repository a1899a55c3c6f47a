//! Which tenants a read may see. "All of them" is a value that ordinary code cannot make.

use crate::{Error, ErrorKind};
use idp_domain::TenantId;
use std::sync::Arc;

/// The right to look across tenants of one application. Only its bootstrap gets one, from
/// [`ApplicationBuilder::admin_authority`](crate::ApplicationBuilder::admin_authority).
#[derive(Clone, Debug)]
pub struct AdminAuthority {
    seal: Seal,
}

impl AdminAuthority {
    pub(crate) fn new(seal: Seal) -> Self {
        Self { seal }
    }
}

/// What ties an authority to one application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seal(Arc<()>);

impl Seal {
    /// The scope of all tenants, if the authority is one of this application.
    pub(crate) fn open(&self, authority: &AdminAuthority) -> Result<Scope, Error> {
        if Arc::ptr_eq(&self.0, &authority.seal.0) {
            return Ok(Scope::All(AllTenants(())));
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            "open the all-tenants scope",
            "the authority belongs to another application",
        ))
    }
}

/// Proof that an [`AdminAuthority`] was shown.
#[derive(Clone, Debug)]
pub struct AllTenants(());

/// Whose rows a query may see. There is no query without one.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The rows of one tenant.
    Tenant(TenantId),
    /// The rows of every tenant.
    All(AllTenants),
}

impl Scope {
    /// Whether rows of that tenant are in the scope.
    pub fn covers(&self, tenant: &TenantId) -> bool {
        match self {
            Self::Tenant(own) => own == tenant,
            Self::All(_) => true,
        }
    }
}
