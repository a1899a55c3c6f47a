//! A bus that counts.

use idp_application::{BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishError};
use tokio::sync::watch;

pub(crate) struct Counting(watch::Sender<u64>);

impl Default for Counting {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Counting {
    pub(crate) fn add(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or_default();
        self.0.send_modify(|sum| *sum += count);
    }

    pub(crate) fn count(&self) -> u64 {
        *self.0.borrow()
    }

    pub(crate) async fn reaches(&self, count: u64) {
        let reached = self.0.subscribe().wait_for(|sum| *sum >= count).await.map(drop);
        reached.expect("the bus keeps the sender alive");
    }
}

impl EventBus for Counting {
    fn guarantees(&self) -> BusGuarantees {
        let duplicates = Duplicates::Possible;
        BusGuarantees { duplicates, fences_zombies: false, data_bytes_max: None }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.add(messages.len());
            Ok(())
        })
    }
}
