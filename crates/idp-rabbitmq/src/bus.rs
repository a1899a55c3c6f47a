//! The bus to exchanges.

use crate::broker::Broker;
use crate::config::RabbitConfig;
use crate::error::Fault;
use crate::sending::Sending;
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, EventBus, Message, PublishError,
};
use std::fmt;

/// Publishes to exchanges, with publisher confirms.
///
/// A topic is `exchange/routing-key`; or `exchange`, with the type of the event as the routing key;
/// or `/queue`, straight to a queue. Exchanges, queues and bindings are not made here.
///
/// What a dropped call has sent stays sent, and may still arrive; what it has not sent never will.
pub struct RabbitBus {
    broker: Broker,
}

impl RabbitBus {
    /// Connects to the broker. From then on it connects again by itself, when it has something to
    /// publish.
    ///
    /// # Errors
    /// `Invalid` with all that is wrong with the configuration; `Unavailable` if no node can be
    /// connected to. Must be called within a Tokio runtime, which the bus uses as long as it lives.
    pub async fn connect(config: RabbitConfig) -> Result<Self, Error> {
        let broker = Broker::new(config)?;
        broker.session().await?;
        Ok(Self { broker })
    }

    async fn publish_all(&self, messages: &[Message]) -> Result<(), PublishError> {
        let (mut accepted, mut alone) = (0, false);
        while accepted < messages.len() {
            let rest = &messages[accepted..];
            let outcome = self.publish_once(rest, alone).await.map_err(|error| {
                PublishError::unavailable(accepted, "there is no connection to RabbitMQ")
                    .with_source(error)
            })?;
            let Err((confirmed, fault)) = outcome else {
                break;
            };
            accepted += confirmed;
            // One of several messages made the broker close the channel. One at a time shows which.
            if !matches!(fault, Fault::Unclear(_)) || alone {
                return Err(fault.into_publish_error(accepted));
            }
            alone = true;
        }
        Ok(())
    }

    /// Sends them over one channel: how many, from the first, were confirmed, and why not the next.
    async fn publish_once(
        &self,
        messages: &[Message],
        alone: bool,
    ) -> Result<Result<(), (usize, Fault)>, Error> {
        let session = self.broker.session().await?;
        if let Some(reason) = session.blocked() {
            return Ok(Err((0, Fault::Throttled(reason))));
        }
        let config = self.broker.config();
        let lent = match session.channel(config.confirm_timeout).await {
            Ok(lent) => lent,
            Err(fault) => return Ok(Err((0, fault))),
        };
        Ok(Sending::new(&session, &self.broker, lent, messages, alone).run().await)
    }
}

impl EventBus for RabbitBus {
    fn system(&self) -> &'static str {
        "rabbitmq"
    }

    fn guarantees(&self) -> BusGuarantees {
        BusGuarantees {
            duplicates: Duplicates::Possible,
            fences_zombies: false,
            data_bytes_max: Some(self.broker.config().data_bytes_max),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.publish_all(messages))
    }
}

impl fmt::Debug for RabbitBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitBus").field("config", self.broker.config()).finish_non_exhaustive()
    }
}
