//! Streams that are published in tasks of their own while a clause does something to the broker.

use super::publisher::{DELIVERY_TIME_MAX, PAUSE, Publisher, spares_good_messages};
use crate::run::WAIT_MAX;
use idp_application::{Message, PublishError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How many messages a send has, and of how many aggregates.
const BATCH: i64 = 10;
const KEYS: u8 = 3;
/// Between two batches. It lets others have their turn, also where a bus never waits.
const BREATH: Duration = Duration::from_millis(1);

/// Streams each of which goes on, batch after batch, until all are told to stop: whatever happens to
/// the broker meanwhile, it happens to all of them.
pub(super) struct Running {
    streams: Vec<(JoinHandle<Publisher>, watch::Receiver<Progress>)>,
    is_over: Arc<AtomicBool>,
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// How many batches were taken over.
    pub(super) batches: usize,
    /// How many sends were not taken over as a whole.
    pub(super) put_off: usize,
}

impl Running {
    /// Each goes on behind what it has sent. Sends are dropped after so long, and else have to be
    /// answered.
    pub(super) fn start(publishers: Vec<Publisher>, drop_after: Option<Duration>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let start = |publisher| {
            let (progress, seen) = watch::channel(Progress::default());
            let stream = Stream { publisher, drop_after, progress };
            (tokio::spawn(stream.go_on(Arc::clone(&is_over))), seen)
        };
        Self { streams: publishers.into_iter().map(start).collect(), is_over }
    }

    /// Waits until each of them has come so far, or has failed, which [`stop`](Self::stop) tells.
    ///
    /// # Panics
    /// When they do not come so far; `what` says what was waited for.
    pub(super) async fn until_each(&self, what: &str, has_come: impl Fn(&Progress) -> bool) {
        let coming = async {
            for (_, seen) in &self.streams {
                // An error says that the stream has failed.
                let _ = seen.clone().wait_for(|progress| has_come(progress)).await;
            }
        };
        let all = timeout(WAIT_MAX, coming).await;
        assert!(all.is_ok(), "waited {WAIT_MAX:?} in vain for each stream: {what}");
    }

    /// Stops them behind the batches that they are at, and gives them back.
    ///
    /// # Panics
    /// When one of them did, and when the batches do not get through.
    pub(super) async fn stop(self) -> Vec<Publisher> {
        self.is_over.store(true, SeqCst);
        let ending = async {
            let mut publishers = Vec::new();
            for (task, _) in self.streams {
                publishers.push(task.await.expect("everything is delivered"));
            }
            publishers
        };
        let ended = timeout(DELIVERY_TIME_MAX, ending).await;
        ended.unwrap_or_else(|_| panic!("it does not recover within {DELIVERY_TIME_MAX:?}"))
    }
}

struct Stream {
    publisher: Publisher,
    drop_after: Option<Duration>,
    progress: watch::Sender<Progress>,
}

impl Stream {
    async fn go_on(mut self, is_over: Arc<AtomicBool>) -> Publisher {
        while !is_over.load(SeqCst) {
            let first = self.publisher.last() + 1;
            let messages = self.publisher.messages(first..=first + BATCH - 1, KEYS);
            let mut taken = 0;
            while let Some(accepted) = self.put_off(&messages[taken..]).await {
                taken += accepted;
                self.progress.send_modify(|progress| progress.put_off += 1);
                tokio::time::sleep(PAUSE).await;
            }
            self.progress.send_modify(|progress| progress.batches += 1);
            tokio::time::sleep(BREATH).await;
        }
        self.publisher
    }

    /// Sends the messages once. `None` if all were taken over; else how many.
    async fn put_off(&mut self, messages: &[Message]) -> Option<usize> {
        let outcome = match self.drop_after {
            Some(time) => self.publisher.publish_within(messages, time).await,
            None => Some(self.publisher.publish(messages).await),
        };
        outcome.map_or(Some(0), accepted)
    }
}

fn accepted(outcome: Result<(), PublishError>) -> Option<usize> {
    let error = outcome.err()?;
    spares_good_messages(&error);
    Some(error.accepted)
}
