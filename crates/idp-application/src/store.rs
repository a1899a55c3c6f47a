//! The port through which units of work and queries reach a database.

use crate::{
    ChangeSet, Cost, DeadLetters, Error, Fetched, LogKeeping, LogLag, ProjectionStore, RowQuery,
    TenantPolicies, TenantTracks,
};
use idp_domain::TableSchema;
use std::pin::Pin;

/// The future of a port that is used as a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads rows and commits change sets.
///
/// # Contract
/// Adapters prove these with `idp_conformance::unit_of_work!` and `idp_conformance::repository!`.
///
/// 1. A commit is all or nothing, events included.
/// 2. An update or delete happens only if the row still has the expected version and belongs to the
///    tenant of the change set; otherwise the commit fails with
///    [`Conflict`](crate::ErrorKind::Conflict).
/// 3. An insert of a key, or of unique columns, that a live row of the tenant has, fails with
///    [`Duplicate`](crate::ErrorKind::Duplicate), whose message names the columns.
/// 4. An update sets the columns named and no others.
/// 5. A query sees rows of its scope and no others, in its order, which is that of
///    [`Value::sort_compare`](idp_domain::Value::sort_compare).
/// 6. The positions of the events are drawn after the rows are written, under their locks.
/// 7. A future that is dropped leaves nothing behind: either the commit happened or it did not, and
///    no connection goes back to use in a state that the next user could notice.
pub trait Store: Send + Sync + 'static {
    /// The rows that satisfy the query.
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>>;

    /// How many rows satisfy the query, whatever its order, start and limit.
    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>>;

    /// Writes everything, or nothing.
    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>>;
}

/// Brings the tables of a store to what this build needs.
pub trait Migrate: Send + Sync + 'static {
    /// Creates the tables of the framework and of the given records where they are missing. Doing
    /// it again changes nothing. Fails, changing nothing, when a table has another shape than its
    /// schema.
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>>;
}

/// Everything that a relay needs of a database.
pub trait RelayLog: TenantTracks + TenantPolicies {}

impl<T: TenantTracks + TenantPolicies> RelayLog for T {}

/// Everything that one database does for an application; chosen once, in the bootstrap.
/// Whoever runs a relay also answers operators, keeps the log small and tells how far readers are
/// behind, so that is part of it.
pub trait Backend:
    Store + RelayLog + DeadLetters + LogKeeping + LogLag + ProjectionStore + Migrate
{
}

impl<T> Backend for T where
    T: Store + RelayLog + DeadLetters + LogKeeping + LogLag + ProjectionStore + Migrate
{
}
