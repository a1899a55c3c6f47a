//! What the owner of a running keeper holds.

use crate::{KeeperMetrics, KeeperStatus};
use idp_application::{Error, ErrorKind};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A running keeper. Dropping it ends the keeper as a crash would, which loses nothing: another one,
/// or the next, goes on.
#[derive(Debug)]
pub struct KeeperHandle {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    status: watch::Receiver<KeeperStatus>,
    stop_timeout: Duration,
}

impl KeeperHandle {
    pub(crate) fn new(
        task: JoinHandle<()>,
        stop: watch::Sender<bool>,
        status: watch::Receiver<KeeperStatus>,
        stop_timeout: Duration,
    ) -> Self {
        Self { task, stop, status, stop_timeout }
    }

    /// Ends the keeper after what it is at: a segment, or a purge.
    ///
    /// Fails with [`Timeout`](ErrorKind::Timeout) when that takes longer than
    /// [`stop_timeout`](crate::KeeperConfig::stop_timeout), and with
    /// [`Unavailable`](ErrorKind::Unavailable) when the keeper had ended before because of a bug. Both
    /// lose nothing. Dropping the future is dropping the handle.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        match timeout(self.stop_timeout, &mut self.task).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => {
                let message = "the keeper had ended before, by a panic";
                Err(Error::new(ErrorKind::Unavailable, STOP, message).with_source(e))
            }
            Err(_) => {
                let message = format!("its turn did not end within {:?}", self.stop_timeout);
                Err(Error::new(ErrorKind::Timeout, STOP, message))
            }
        }
    }

    /// What it has done so far.
    pub fn metrics(&self) -> KeeperMetrics {
        self.status.borrow().metrics
    }

    /// Where it stands.
    pub fn status(&self) -> KeeperStatus {
        self.status.borrow().clone()
    }

    /// To wait until its [`status`](Self::status) is another. Closed when it has ended.
    pub fn watch(&self) -> watch::Receiver<KeeperStatus> {
        self.status.clone()
    }

    /// Whether it still runs. It ends by itself only because of a bug.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

const STOP: &str = "stop the keeper";

impl Drop for KeeperHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
