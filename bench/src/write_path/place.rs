//! The databases to measure on, and who competes on each.

use super::contender::Contender;
use crate::BoxError;
use idp_application::BoxFuture;
use std::sync::Arc;
use uuid::Uuid;

/// A database, and a way to it.
pub(crate) trait Place: Send + Sync {
    /// What tables of results call it.
    fn title(&self) -> &'static str;

    /// The names of the contenders: the unit of work first, then those it is compared with.
    fn contenders(&self) -> &'static [&'static str];

    /// How many times a contender does a use case in one measurement.
    fn operations(&self, tasks: usize) -> usize;

    /// Empties the tables, and puts that many plans in which are ready.
    fn seed(&self, plans: usize) -> BoxFuture<'_, Result<Vec<Uuid>, BoxError>>;

    /// A contender for that many tasks, with connections of its own.
    fn enter(
        &self,
        contender: &'static str,
        tasks: usize,
    ) -> BoxFuture<'_, Result<Arc<dyn Contender>, BoxError>>;

    /// What the last plan and the last event are, as text, without what differs each time
    /// (identities, times, the hash, the lane, the position).
    fn last_rows(&self) -> BoxFuture<'_, Result<String, BoxError>>;

    /// The processor time of the server so far, in microseconds, where it can be known.
    fn server_cpu(&self) -> BoxFuture<'_, Option<u64>>;
}
