//! The connections that read.
//!
//! A read by key takes a few microseconds, less than handing it to another thread, so it runs on
//! the thread of the caller. Everything that may take longer runs on a thread for blocking work, and
//! leaves one connection to the reads by key (measured in `docs/adr/0004-sqlite-driver.md`).

use crate::connection::Link;
use idp_application::{Error, ErrorKind};
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Link>>>,
    free: Arc<Semaphore>,
    free_for_scans: Arc<Semaphore>,
}

impl Readers {
    /// The connections; there is at least one.
    pub(crate) fn new(links: Vec<Link>) -> Self {
        let count = links.len();
        Self {
            idle: Arc::new(Mutex::new(links)),
            free: Arc::new(Semaphore::new(count)),
            free_for_scans: Arc::new(Semaphore::new(count.saturating_sub(1).max(1))),
        }
    }

    /// Runs a read that ends soon on the thread of the caller.
    pub(crate) async fn here<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.borrow(None).await.read(read)
    }

    /// Runs a read that may take long on a thread for blocking work. A caller that goes away does
    /// not end it; its connection is back when it is through.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = acquire(&self.free_for_scans).await;
        let borrowed = self.borrow(Some(permit)).await;
        let ended = tokio::task::spawn_blocking(move || borrowed.read(read)).await;
        ended.unwrap_or_else(|e| {
            let message = "the thread that reads has stopped";
            Err(Error::new(ErrorKind::Unavailable, "read", message).with_source(e))
        })
    }

    async fn borrow(&self, scan: Option<OwnedSemaphorePermit>) -> Borrowed {
        let free = acquire(&self.free).await;
        let link = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let link = link.expect("there are as many permits as connections");
        Borrowed { link, idle: Arc::clone(&self.idle), _permits: (free, scan) }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("no semaphore is ever closed")
}

/// A connection on loan. It goes back before its permits do.
struct Borrowed {
    link: Link,
    idle: Arc<Mutex<Vec<Link>>>,
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Borrowed {
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        // Contended only in memory, where the writer has the same connection.
        read(&self.link.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let link = Arc::clone(&self.link);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
    }
}
