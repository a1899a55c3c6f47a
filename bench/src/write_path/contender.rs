//! One way to write the use cases.

use crate::BoxError;
use idp_application::BoxFuture;
use uuid::Uuid;

/// The use cases, done by one technology. Everything that they share is done by all: typed values,
/// the rule that only a plan that is ready is dispatched, the check of the version, the event with
/// its identity, lane, canonical payload and content hash.
pub(crate) trait Contender: Send + Sync {
    /// Plans the route with that number. `worker` is the number of the task that asks, from 0.
    fn create(&self, worker: usize, number: usize) -> BoxFuture<'_, Result<(), BoxError>>;

    /// Dispatches a plan.
    fn dispatch(&self, worker: usize, plan: Uuid) -> BoxFuture<'_, Result<(), BoxError>>;
}
