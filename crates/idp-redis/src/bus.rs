//! The bus.

use crate::RedisConfig;
use crate::call::Call;
use crate::link::Link;
use crate::names::state_key;
use crate::server::Server;
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, ErrorKind, EventBus, Message, PublishError,
};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Publishes to Redis Streams. See the crate for what it promises.
pub struct RedisBus {
    shared: Shared,
    /// What the names of its calls start with: another for each bus.
    name: u64,
    calls: AtomicU64,
}

/// What the calls of a bus share.
pub(crate) struct Shared {
    pub(crate) config: RedisConfig,
    pub(crate) link: Link,
    pub(crate) data_bytes_max: usize,
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
        let shared = Shared { config, link, data_bytes_max };
        let name = RandomState::new().hash_one("the bus");
        Ok(Self { shared, name, calls: AtomicU64::new(0) })
    }

    async fn send(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else {
            return Ok(());
        };
        let state_key = state_key(&self.shared.config.prefix, &first.stream);
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let name = format!("{:016x}/{number}", self.name);
        let mut call = Call { shared: &self.shared, state_key: &state_key, name, steps: 0 };
        call.publish(messages).await
    }
}

impl EventBus for RedisBus {
    fn system(&self) -> &'static str {
        "redis"
    }

    fn guarantees(&self) -> BusGuarantees {
        BusGuarantees {
            duplicates: Duplicates::Never,
            fences_zombies: true,
            data_bytes_max: Some(self.shared.data_bytes_max),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.send(messages))
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBus").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
