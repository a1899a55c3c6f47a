//! What the owner of a running projector holds.

use crate::ProjectorStatus;
use crate::request::{Request, ask};
use idp_application::{CommitSignal, Error, ErrorKind};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A running projector. Dropping it ends the projector as a crash would: the read model stays
/// whole, and another projector goes on when the lease has expired. [`stop`](Self::stop) lets it go
/// on at once.
#[derive(Debug)]
pub struct ProjectorHandle {
    task: JoinHandle<Result<(), Error>>,
    stop: watch::Sender<bool>,
    requests: mpsc::UnboundedSender<Request>,
    status: watch::Receiver<ProjectorStatus>,
    updated: CommitSignal,
}

impl ProjectorHandle {
    pub(crate) fn new(
        task: JoinHandle<Result<(), Error>>,
        stop: watch::Sender<bool>,
        requests: mpsc::UnboundedSender<Request>,
        status: watch::Receiver<ProjectorStatus>,
        updated: CommitSignal,
    ) -> Self {
        Self { task, stop, requests, status, updated }
    }

    /// Ends the projector after the batch it is at, and gives its lease back.
    ///
    /// Fails with [`Unavailable`](ErrorKind::Unavailable) when the database could not be reached for
    /// the time of a lease, which then expires, and when the projector had ended before because of
    /// a bug. Dropping the future is dropping the handle.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        (&mut self.task).await.unwrap_or_else(|e| {
            let message = "the projector had ended before, by a panic";
            Err(Error::new(ErrorKind::Unavailable, "stop the projector", message).with_source(e))
        })
    }

    /// Ends when everything that was committed before the call is in the read model. While this
    /// projector stands by, or cannot get on, that takes as long as it takes: bound it with a
    /// timeout. Fails when the projector has ended.
    pub async fn caught_up(&self) -> Result<(), Error> {
        ask(&self.requests, Request::CatchUp).await
    }

    /// Makes the read model anew: removes all rows, folds all events again, and ends when it has
    /// caught up. Whoever reads meanwhile sees it grow from nothing. It begins when this projector
    /// holds the lease, and not at all when the future is dropped before; for the rest it is as
    /// [`caught_up`](Self::caught_up).
    pub async fn rebuild(&self) -> Result<(), Error> {
        ask(&self.requests, Request::Rebuild).await
    }

    /// Rung after each batch that was applied.
    pub fn updated(&self) -> &CommitSignal {
        &self.updated
    }

    /// Where it stands.
    pub fn status(&self) -> ProjectorStatus {
        self.status.borrow().clone()
    }

    /// To wait until its [`status`](Self::status) is another. Closed when it has ended.
    pub fn watch(&self) -> watch::Receiver<ProjectorStatus> {
        self.status.clone()
    }

    /// Whether it still runs. It ends by itself only because of a bug.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for ProjectorHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
