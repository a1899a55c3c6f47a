//! The port to the keys of tenants.

use crate::{Key, KeyId};
use idp_application::{BoxFuture, Error};
use idp_domain::TenantId;

/// The keys of tenants: one that encrypts now, and older ones that still decrypt.
///
/// It is asked once a commit and once a key in what is read, so an implementation over a key service
/// keeps keys in memory for a while; that while is for how long a destroyed key may still work.
///
/// # Contract
/// 1. What [`current`](Self::current) gives, [`find`](Self::find) gives by its id, until it is
///    destroyed; also after another key has become the current one.
/// 2. A key is given for its own tenant only. No two keys of a tenant have one id, ever.
/// 3. `find` gives `None` only for a key that is destroyed or never was. A service that cannot be
///    reached is an error, [`Unavailable`](idp_application::ErrorKind::Unavailable).
/// 4. A tenant without a key fails with [`Invalid`](idp_application::ErrorKind::Invalid): nothing is
///    written in clear because there is no key.
pub trait KeyRing: Send + Sync + 'static {
    /// The key that encrypts for the tenant now.
    fn current<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Key, Error>>;

    /// The key of the tenant with that id.
    fn find<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<Key>, Error>>;
}
