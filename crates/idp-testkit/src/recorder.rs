//! Writes histories while they happen.

use crate::{Entry, Fault, History};
use idp_application::WorkerId;
use idp_domain::Uuid;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// Records what happens, in memory and, if wanted, in a file that other processes append to as
/// well. Clones record the same history.
#[derive(Clone, Debug)]
pub struct Recorder {
    recorded: watch::Sender<Recorded>,
    file: Option<Arc<File>>,
}

#[derive(Debug)]
struct Recorded {
    history: History,
    arrived: HashSet<Uuid>,
}

impl Recorder {
    /// Records in memory only.
    pub fn new(batch_size: u32) -> Self {
        let recorded = Recorded { history: History::new(batch_size), arrived: HashSet::new() };
        Self { recorded: watch::Sender::new(recorded), file: None }
    }

    /// Also appends each entry to a file, as one line in one write: what is recorded survives the
    /// end of the process. The file is made if it is not there.
    pub fn appending_to(mut self, path: impl AsRef<Path>) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.file = Some(Arc::new(file));
        Ok(self)
    }

    /// Records one entry.
    ///
    /// # Panics
    /// When the file cannot be written: a test must not go on with a history that lacks something.
    pub fn record(&self, entry: Entry) {
        self.recorded.send_modify(|recorded| {
            if let Some(file) = &self.file {
                append(file, &entry);
            }
            if let Entry::Delivery(delivery) = &entry {
                recorded.arrived.insert(delivery.event);
            }
            recorded.history.push(entry);
        });
    }

    /// Says that events are left out of the streams: numbers need not be dense.
    pub fn expect_gaps(&self) {
        self.recorded.send_modify(|recorded| recorded.history.has_gaps = true);
    }

    /// Records that the worker may have lost its leases.
    pub fn leases_lost(&self, worker: WorkerId) {
        self.record(Entry::Fault(Fault::LeasesLost { worker: worker.0 }));
    }

    /// What was recorded so far, by the clones of this recorder.
    pub fn history(&self) -> History {
        self.recorded.borrow().history.clone()
    }

    /// Ends when at least that many different events have arrived. Waits for ever if they do not:
    /// bound it with a timeout.
    pub async fn wait_for_events(&self, count: usize) {
        let mut changes = self.recorded.subscribe();
        let arrived = changes.wait_for(|recorded| recorded.arrived.len() >= count).await;
        arrived.expect("the recorder keeps the sender alive");
    }

    /// Ends when at least that many messages have arrived, duplicates included.
    pub async fn wait_for_deliveries(&self, count: usize) {
        let mut changes = self.recorded.subscribe();
        let arrived = changes.wait_for(|recorded| recorded.history.deliveries.len() >= count).await;
        arrived.expect("the recorder keeps the sender alive");
    }
}

fn append(mut file: &File, entry: &Entry) {
    let mut line = serde_json::to_string(entry).expect("an entry serializes to JSON");
    line.push('\n');
    file.write_all(line.as_bytes()).expect("the history must be written");
}
