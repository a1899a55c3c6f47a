//! For which tenant a request is: the token decides, a header may only select among its tenants.

use super::denial::Denial;
use axum::http::{HeaderMap, HeaderName};
use idp_domain::TenantId;

const X_TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// The tenant of a request with a token for these tenants.
pub(super) fn choose(tenants: &[TenantId], headers: &HeaderMap) -> Result<TenantId, Denial> {
    if tenants.is_empty() {
        return Err(Denial::NoTenant);
    }
    let mut selections = headers.get_all(X_TENANT).iter();
    match (selections.next(), tenants) {
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Denial::TenantRequired),
        // Of several selections, at most one can be right: that is not for us to guess.
        (Some(_), _) if selections.next().is_some() => Err(Denial::ForeignTenant),
        (Some(selected), _) => {
            let chosen =
                tenants.iter().find(|tenant| tenant.as_str().as_bytes() == selected.as_bytes());
            chosen.cloned().ok_or(Denial::ForeignTenant)
        }
    }
}
