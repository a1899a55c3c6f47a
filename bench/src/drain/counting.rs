//! A bus that counts: the same for all contenders.

use crate::BoxError;
use idp_application::{BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than the slowest drain of the largest backlog.
const PATIENCE: Duration = Duration::from_secs(1_200);

pub(crate) struct Counting(watch::Sender<u64>);

impl Default for Counting {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Counting {
    /// Takes the messages over.
    pub(crate) fn take(&self, messages: &[Message]) {
        let count = u64::try_from(std::hint::black_box(messages).len()).unwrap_or_default();
        self.0.send_modify(|sum| *sum += count);
    }

    pub(crate) fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits until so many were taken over.
    pub(crate) async fn reaches(&self, count: u64) -> Result<(), BoxError> {
        let mut counted = self.0.subscribe();
        let reached = timeout(PATIENCE, counted.wait_for(|sum| *sum >= count)).await;
        let reached = reached.map_err(|_| format!("not {count} events within {PATIENCE:?}"))?;
        reached.map(drop).map_err(Into::into)
    }
}

impl EventBus for Counting {
    fn system(&self) -> &'static str {
        "bench"
    }

    fn guarantees(&self) -> BusGuarantees {
        let duplicates = Duplicates::Possible;
        BusGuarantees { duplicates, fences_zombies: false, data_bytes_max: None }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.take(messages);
            Ok(())
        })
    }
}
