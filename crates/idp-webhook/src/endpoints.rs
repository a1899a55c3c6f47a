//! The port through which the bus learns about endpoints.

use crate::{Endpoint, EndpointUrl};
use idp_application::{BoxFuture, Error};
use std::sync::Arc;

/// The registered endpoints, each under a name that never changes: the topic of the messages for
/// it. The application keeps them, usually in a table that its tenants edit.
///
/// # Contract
/// 1. `find` sees what was registered before it was called, within the time that the implementation
///    caches for. The bus itself caches nothing beyond one call.
/// 2. What `disable` did is durable, and seen by every process.
/// 3. `disable` changes nothing when the endpoint has another URL by now, or is unknown.
pub trait Endpoints: Send + Sync + 'static {
    /// The endpoint of that name.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<Endpoint>>, Error>>;

    /// Disables the endpoint, if it still has that URL: it said that it is gone.
    fn disable<'a>(
        &'a self,
        name: &'a str,
        url: &'a EndpointUrl,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;
}
