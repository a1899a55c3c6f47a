//! The databases to measure on, and who competes on each.

use super::contender::Contender;
use crate::BoxError;
use idp_application::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// A database, and a way to it.
pub(crate) trait Place: Send + Sync {
    /// What tables of results call it.
    fn title(&self) -> &'static str;

    /// The contenders: the unit of work first, then those it is compared with.
    fn contenders(&self) -> &'static [&'static str];

    /// How often a use case is done in one measurement.
    fn operations(&self, tasks: usize) -> usize;

    /// Empties the tables, and puts that many plans in, which are ready.
    fn seed(&self, plans: usize) -> BoxFuture<'_, Result<Vec<Uuid>, BoxError>>;

    /// A contender for that many tasks, with connections of its own.
    fn enter(
        &self,
        contender: &'static str,
        tasks: usize,
    ) -> BoxFuture<'_, Result<Arc<dyn Contender>, BoxError>>;

    /// One plan and one event as text, when there are no others, without what differs each time:
    /// identities, times, hash, lane and position.
    fn written(&self) -> BoxFuture<'_, Result<String, BoxError>>;

    /// The processor time so far of each process of the server that works for contenders, in
    /// microseconds. Empty where there is none, or none that can be seen.
    fn server_cpu(&self) -> BoxFuture<'_, Result<CpuTimes, BoxError>>;
}

/// Microseconds by process.
pub(crate) type CpuTimes = BTreeMap<i32, u64>;
