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

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};
    use tokio::sync::oneshot;

    fn readers(count: usize) -> Readers {
        let link = |_| Arc::new(Mutex::new(Connection::open_in_memory().expect("memory opens")));
        Readers::new((0..count).map(link).collect())
    }

    /// A scan that runs until it is told to end.
    async fn scan(readers: &Readers, begun: oneshot::Sender<()>, end: mpsc::Receiver<()>) {
        let scanned = readers.aside(move |_| {
            begun.send(()).expect("the test waits for it");
            end.recv().expect("the test ends it");
            Ok(())
        });
        scanned.await.expect("it only waits");
    }

    fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_long_scan_keeps_no_read_by_key_waiting() {
        let readers = readers(2);
        let (begun, begins) = oneshot::channel();
        let (end, ends) = mpsc::channel();
        let mut first = Box::pin(scan(&readers, begun, ends));
        assert!(poll_once(&mut first).is_pending());
        begins.await.expect("it begins");
        let (begun, mut second_begins) = oneshot::channel();
        let (end_second, ends) = mpsc::channel();
        let mut second = Box::pin(scan(&readers, begun, ends));
        assert!(poll_once(&mut second).is_pending());
        readers.here(|_| Ok(())).await.expect("a connection is left for it");
        assert!(second_begins.try_recv().is_err(), "one connection is left to reads by key");
        end.send(()).expect("the scan waits for it");
        end_second.send(()).expect("the scan will wait for it");
        first.await;
        second.await;
        second_begins.await.expect("it began");
    }

    #[tokio::test]
    async fn a_scan_whose_caller_went_away_gives_its_connection_back() {
        let readers = readers(1);
        let (begun, begins) = oneshot::channel();
        let (end, ends) = mpsc::channel();
        let mut scan = Box::pin(scan(&readers, begun, ends));
        assert!(poll_once(&mut scan).is_pending());
        begins.await.expect("it begins");
        drop(scan);
        let mut read = Box::pin(readers.here(|_| Ok(())));
        assert!(poll_once(&mut read).is_pending(), "the scan still has the only connection");
        end.send(()).expect("the scan waits for it");
        read.await.expect("the connection is back");
    }

    #[tokio::test]
    async fn a_read_that_fails_gives_its_connection_back() {
        let readers = readers(1);
        let failing = |_: &Connection| Err(Error::new(ErrorKind::Corrupt, "read", "as told"));
        let failed: Result<(), Error> = readers.here(failing).await;
        failed.expect_err("as told");
        let failed: Result<(), Error> = readers.aside(failing).await;
        failed.expect_err("as told");
        readers.here(|_| Ok(())).await.expect("the connection is back");
    }
}
