//! What the owner of a running relay holds.

use crate::RelayMetrics;
use idp_application::{Error, ErrorKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running relay. Dropping it ends the relay as a crash would: nothing is recorded, and its lanes
/// are free when their leases expire. [`stop`](Self::stop) is what a service does when it ends.
#[derive(Debug)]
pub struct RelayHandle {
    task: JoinHandle<Result<(), Error>>,
    stop: watch::Sender<bool>,
    metrics: watch::Receiver<RelayMetrics>,
}

impl RelayHandle {
    pub(crate) fn new(
        task: JoinHandle<Result<(), Error>>,
        stop: watch::Sender<bool>,
        metrics: watch::Receiver<RelayMetrics>,
    ) -> Self {
        Self { task, stop, metrics }
    }

    /// Ends the relay: it sends nothing new, waits for the sends under way, records what was
    /// acknowledged and gives its leases back. A stop that succeeds makes no duplicates.
    ///
    /// Fails with [`Unavailable`](ErrorKind::Unavailable) when the outbox log could not be reached
    /// for the time of a lease, and when the relay had ended before because of a bug; its leases
    /// then expire. Dropping the future is dropping the handle.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        self.end().await
    }

    /// Ends when the relay ends by itself, as one does that only
    /// [drains](crate::RelayConfig::ends_when_drained); fails as [`stop`](Self::stop) does. Dropping
    /// the future is dropping the handle.
    pub async fn ended(mut self) -> Result<(), Error> {
        self.end().await
    }

    async fn end(&mut self) -> Result<(), Error> {
        (&mut self.task).await.unwrap_or_else(|e| {
            let message = "the relay had ended before, by a panic";
            Err(Error::new(ErrorKind::Unavailable, "stop the relay", message).with_source(e))
        })
    }

    /// What it has done so far.
    pub fn metrics(&self) -> RelayMetrics {
        *self.metrics.borrow()
    }

    /// To wait until it has done something: changes with every number of [`metrics`](Self::metrics).
    /// Closed when the relay has ended.
    pub fn watch(&self) -> watch::Receiver<RelayMetrics> {
        self.metrics.clone()
    }

    /// Whether it still runs. It ends by itself only because of a bug.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
