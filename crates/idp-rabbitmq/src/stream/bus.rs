//! The bus to streams.

use super::config::RabbitStreamConfig;
use super::pool::Pool;
use super::sending::{Sending, Stop};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, EventBus, Message, PublishError, Stream,
};
use std::fmt;
use std::sync::Arc;

/// Publishes to streams, each event stored once.
///
/// A topic is the name of a stream, which must exist. The producer is named by the prefix of the
/// configuration and the text of [`Message::stream`], `prefix/target/lane`; the publishing id is
/// [`Message::sequence`]. The broker drops what has a number that it has seen from that producer in
/// that stream, or a lower one.
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
        let name: Arc<str> = producer_name(&self.pool.config().prefix, &first.stream).into();
        let taken = self.pool.take(&name).await;
        let session = taken.map_err(|fault| {
            PublishError::unavailable(0, "there is no connection to RabbitMQ")
                .with_source(fault.into_error())
        })?;
        let outcome = Sending::new(&self.pool, session, name, messages).run().await;
        outcome.map_err(|Stop { confirmed, fault }| fault.into_publish_error(confirmed))
    }
}

impl EventBus for RabbitStreamBus {
    fn system(&self) -> &'static str {
        "rabbitmq"
    }

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

/// The name under which the broker remembers numbers. It is stored, so it must never change.
fn producer_name(prefix: &str, stream: &Stream) -> String {
    format!("{prefix}/{stream}")
}

impl fmt::Debug for RabbitStreamBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitStreamBus")
            .field("config", self.pool.config())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_application::{Lane, Track};

    /// Brokers know numbers by these names.
    #[test]
    fn the_names_are_frozen() {
        let lane = Lane::from_number(12);
        let stream = |track| Stream { target: "bus".into(), lane, track };
        assert_eq!(producer_name("shop", &stream(Track::Main)), "shop/bus/12");
        assert_eq!(producer_name("shop", &stream(Track::Side)), "shop/bus/12/side");
    }
}
