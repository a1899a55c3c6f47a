//! The bus to streams.

use super::config::RabbitStreamConfig;
use super::pool::Pool;
use super::sending::{Sending, Stop};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, EventBus, Message, PublishError,
};
use std::fmt;
use std::sync::Arc;

/// Publishes to streams, each event stored once.
///
/// A topic is the name of a stream, which must exist. The producer is named by the text of
/// [`Message::stream`], the publishing id is [`Message::sequence`]; the broker drops what has a number
/// that it has seen from that producer in that stream, or a lower one.
///
/// Each call has a connection of its own, which is kept for further calls. A call that is dropped
/// closes it: what the broker has read by then may still be stored, nothing else.
pub struct RabbitStreamBus {
    pool: Arc<Pool>,
}

impl RabbitStreamBus {
    /// Connects to the broker. From then on it connects again by itself, when it has something to
    /// publish.
    ///
    /// # Errors
    /// `Invalid` with all that is wrong with the configuration; `Unavailable` if no node can be
    /// connected to. Must be called within a Tokio runtime, which the bus uses as long as it lives.
    pub async fn connect(config: RabbitStreamConfig) -> Result<Self, Error> {
        config.check()?;
        let pool = Pool::new(config);
        let session = pool.take("").await.map_err(|fault| fault.into_error())?;
        pool.give_back(session);
        Ok(Self { pool })
    }

    async fn publish_all(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else {
            return Ok(());
        };
        let name: Arc<str> = first.stream.to_string().into();
        let taken = self.pool.take(&name).await;
        let mut session = taken.map_err(|fault| {
            PublishError::unavailable(0, "there is no connection to RabbitMQ")
                .with_source(fault.into_error())
        })?;
        let sending = Sending::new(&mut session, self.pool.config(), name, messages);
        let outcome = sending.run().await;
        if !outcome.as_ref().is_err_and(|stop| stop.is_open) {
            self.pool.give_back(session);
        }
        outcome.map_err(|Stop { confirmed, fault, .. }| fault.into_publish_error(confirmed))
    }
}

impl EventBus for RabbitStreamBus {
    fn guarantees(&self) -> BusGuarantees {
        BusGuarantees {
            duplicates: Duplicates::Never,
            fences_zombies: false,
            data_bytes_max: Some(self.pool.config().data_bytes_max()),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.publish_all(messages))
    }
}

impl fmt::Debug for RabbitStreamBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitStreamBus")
            .field("config", self.pool.config())
            .finish_non_exhaustive()
    }
}
