//! A bus that notes when each event arrived.

use idp_application::{BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishError};
use std::collections::HashMap;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// When the first event of each aggregate arrived.
pub(crate) struct Arrivals(watch::Sender<HashMap<Uuid, Instant>>);

impl Default for Arrivals {
    fn default() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }
}

impl Arrivals {
    pub(crate) fn times(&self) -> HashMap<Uuid, Instant> {
        self.0.borrow().clone()
    }

    pub(crate) async fn count_reaches(&self, count: usize) {
        let mut changes = self.0.subscribe();
        let reached = changes.wait_for(|arrived| arrived.len() >= count).await;
        reached.expect("the bus keeps the sender alive");
    }
}

impl EventBus for Arrivals {
    fn system(&self) -> &'static str {
        "bench"
    }

    fn guarantees(&self) -> BusGuarantees {
        let duplicates = Duplicates::Possible;
        BusGuarantees { duplicates, fences_zombies: false, data_bytes_max: None }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let now = Instant::now();
            self.0.send_modify(|arrived| {
                for message in messages {
                    arrived.entry(message.event.aggregate_id).or_insert(now);
                }
            });
            Ok(())
        })
    }
}
