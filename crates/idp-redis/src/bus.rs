//! The bus.

use crate::RedisConfig;
use crate::error::{self, Stop};
use crate::link::Link;
use crate::names::epoch_key;
use crate::server::Server;
use crate::step::{Batch, Step};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, ErrorKind, EventBus, Message, PublishError,
};
use redis::{RedisError, ServerErrorKind};
use std::fmt;

/// Publishes to Redis Streams. See the crate for what it promises.
pub struct RedisBus {
    config: RedisConfig,
    link: Link,
    data_bytes_max: usize,
}

impl RedisBus {
    /// Connects to the server, and looks whether messages would be safe in it as it is configured.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) with all that is wrong with the configuration, or with that of
    /// the server; [`Forbidden`](ErrorKind::Forbidden) when the server does not let the bus in;
    /// [`Unavailable`](ErrorKind::Unavailable) when it does not answer.
    pub async fn connect(config: RedisConfig) -> Result<Self, Error> {
        let info = config.check()?;
        let link = Link::new(&config, info)?;
        let (mut connection, _) = link.connection().await?;
        let server = Server::ask(&mut connection).await?;
        let faults = server.faults();
        if !faults.is_empty() {
            let faults = faults.join("; ");
            return Err(Error::new(ErrorKind::Invalid, "configure the bus to Redis", faults));
        }
        let data_bytes_max = config.data_bytes_max.min(server.bulk_bytes_max.unwrap_or(usize::MAX));
        Ok(Self { config, link, data_bytes_max })
    }

    async fn send(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else {
            return Ok(());
        };
        let epoch_key = epoch_key(&self.config.prefix, &first.stream);
        let mut accepted = 0;
        while accepted < messages.len() {
            let step = self.advance(&messages[accepted..], &epoch_key).await;
            let step = step.map_err(|stop| stop.after(accepted))?;
            accepted += step.accepted;
            if let Some(stop) = step.stop {
                return Err(stop.after(accepted));
            }
        }
        Ok(())
    }

    /// Publishes the first of the messages, as many as go in one step.
    async fn advance(&self, messages: &[Message], epoch_key: &str) -> Result<Step, Stop> {
        let batch = self.batch(messages, epoch_key, self.config.step_max);
        if batch.len() == 0 {
            return Ok(Step { accepted: 0, stop: batch.stop });
        }
        match self.append(&batch).await? {
            Ok(step) => {
                let stop = step.stop.or(batch.stop);
                Ok(Step { accepted: step.accepted, stop })
            }
            Err(denied) => self.advance_one(messages, epoch_key, denied).await,
        }
    }

    /// Publishes the first message alone: a step was denied for one of its keys, or altogether.
    async fn advance_one(
        &self,
        messages: &[Message],
        epoch_key: &str,
        denied: RedisError,
    ) -> Result<Step, Stop> {
        let Ok(step) = self.append(&self.batch(messages, epoch_key, 1)).await? else {
            // Is it the topic? Without a message, there is only the key of the epoch.
            let nothing = self.batch(&messages[..1], epoch_key, 0);
            return match self.append(&nothing).await? {
                Ok(_) => Err(error::not_permitted(denied)),
                Err(denied) => Err(error::failed(denied)),
            };
        };
        Ok(step)
    }

    fn batch<'m>(
        &self,
        messages: &'m [Message],
        epoch_key: &'m str,
        messages_max: usize,
    ) -> Batch<'m> {
        Batch::of(messages, epoch_key, &self.config, self.data_bytes_max, messages_max)
    }

    /// Has the server append messages; the inner error is that something is not permitted.
    async fn append(&self, batch: &Batch<'_>) -> Result<Result<Step, RedisError>, Stop> {
        let (mut connection, number) = self
            .link
            .connection()
            .await
            .map_err(|error| Stop::unavailable("Redis cannot be reached").with_source(error))?;
        match batch.append(&mut connection, &self.config).await {
            Ok(step) => Ok(Ok(step)),
            Err(error) if error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Ok(Err(error))
            }
            Err(error) => {
                if error::ends_connection(&error) {
                    self.link.give_up(number).await;
                }
                Err(error::failed(error))
            }
        }
    }
}

impl EventBus for RedisBus {
    fn guarantees(&self) -> BusGuarantees {
        BusGuarantees {
            duplicates: Duplicates::Never,
            fences_zombies: true,
            data_bytes_max: Some(self.data_bytes_max),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.send(messages))
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBus").field("config", &self.config).finish_non_exhaustive()
    }
}
