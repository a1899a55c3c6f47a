//! A process, which can be killed at any point.

use tokio::task::JoinHandle;

/// Runs until it is dropped: that ends it as a crash would, wherever it waits.
pub(crate) struct Process(JoinHandle<()>);

impl Process {
    pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.abort();
    }
}
