//! The port through which the commits of other processes are noticed sooner than by polling.

use crate::{BoxFuture, CommitSignal, Error};

/// Watches the commits of other processes.
///
/// It only wakes: what is read, and in which order, is decided by the log. So every watch gives the
/// same deliveries as polling does, sooner.
///
/// # Contract
/// 1. Once it has called `watching`, it rings the signal after every commit that appends events, of
///    any process, until it ends; or it ends with an error. It may ring without reason.
/// 2. It takes no part in business transactions: it makes none wait, and none fail.
/// 3. What it holds on to in the database is bounded, and gone when it ends, or its process does.
pub trait CommitWatch: Send + Sync + 'static {
    /// What it is called in logs and metrics.
    fn name(&self) -> &'static str;

    /// Watches until it fails, and says why it did. Dropping the future ends it.
    fn watch<'a>(
        &'a self,
        signal: &'a CommitSignal,
        watching: Box<dyn FnOnce() + Send + 'a>,
    ) -> BoxFuture<'a, Error>;
}
