//! The bus: `EventBus` on Kafka.

use crate::caller::{Caller, Present};
use crate::config::Delivery;
use crate::producers::{Producers, Turn};
use crate::{KafkaConfig, positions_topic};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, EventBus, Message, PublishError,
};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Publishes to Kafka. One for each cluster is enough for a process.
pub struct KafkaBus {
    config: Arc<KafkaConfig>,
    producers: Arc<Producers>,
    sweeper: AbortHandle,
}

impl KafkaBus {
    /// Connects, and makes sure that the topic of positions is as it must be. It needs a Tokio runtime
    /// with timers, and fails when the configuration is invalid or the brokers do not answer.
    pub async fn connect(config: KafkaConfig) -> Result<Self, Error> {
        config.check()?;
        positions_topic::check_brokers(&config).await?;
        let config = Arc::new(config);
        let producers = Arc::new(Producers::new(Arc::clone(&config)));
        let sweep = sweep(Arc::downgrade(&producers), config.producer_idle_max / 2);
        let sweeper = tokio::spawn(sweep).abort_handle();
        Ok(Self { config, producers, sweeper })
    }

    async fn try_publish(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else { return Ok(()) };
        let present = Present::default();
        let turn = self.producers.turn(&first.stream, &present.0).await;
        let job = job(turn, first.epoch, messages.to_vec(), Arc::clone(&present.0));
        let joined = tokio::task::spawn_blocking(job).await;
        joined
            .unwrap_or_else(|e| Err(PublishError::unavailable(0, "the send ended").with_source(e)))
    }
}

/// Runs to its end even if nobody waits for it any more.
fn job(
    turn: Turn,
    epoch: i64,
    messages: Vec<Message>,
    caller: Arc<Caller>,
) -> impl FnOnce() -> Result<(), PublishError> {
    move || turn.publish(epoch, &messages, caller.is_gone())
}

async fn sweep(producers: Weak<Producers>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(producers) = producers.upgrade() else { return };
        // It cannot fail but by a panic, of which the runtime tells.
        let _ = tokio::task::spawn_blocking(move || producers.close_idle()).await;
    }
}

impl EventBus for KafkaBus {
    fn system(&self) -> &'static str {
        "kafka"
    }

    fn guarantees(&self) -> BusGuarantees {
        let is_transactional = self.config.delivery == Delivery::Transactional;
        BusGuarantees {
            duplicates: if is_transactional { Duplicates::Never } else { Duplicates::Possible },
            fences_zombies: is_transactional,
            data_bytes_max: usize::try_from(self.config.data_bytes_max).ok(),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.try_publish(messages))
    }
}

/// Clients of librdkafka close their connections before they end, which must not hold up a runtime.
impl Drop for KafkaBus {
    fn drop(&mut self) {
        self.sweeper.abort();
        let producers = Arc::clone(&self.producers);
        let closing = move || producers.close();
        if let Err(error) =
            std::thread::Builder::new().name("idp-kafka close".into()).spawn(closing)
        {
            tracing::debug!(%error, "closing Kafka producers in place");
        }
    }
}
