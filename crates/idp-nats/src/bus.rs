//! The bus.

use crate::call::Call;
use crate::destination::Destinations;
use crate::link::{Connection, Link};
use crate::top::Tops;
use crate::{Deduplication, NatsConfig, strict, window};
use idp_application::{
    BoxFuture, BusGuarantees, Error, ErrorKind, EventBus, Message, PublishError,
};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Publishes to NATS JetStream. See the crate for what it promises.
pub struct NatsBus {
    shared: Shared,
    guarantees: BusGuarantees,
}

/// What the calls of a bus share.
pub(crate) struct Shared {
    pub(crate) config: NatsConfig,
    pub(crate) link: Link,
    pub(crate) tops: Tops,
    destinations: RwLock<Arc<Destinations>>,
}

impl NatsBus {
    /// Connects to a server, and reads how the streams are configured. What the bus
    /// [guarantees](EventBus::guarantees) is what follows from that; it is read once.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) with all that is wrong with the configuration, or with the
    /// streams; [`Forbidden`](ErrorKind::Forbidden) when the server does not let the bus in;
    /// [`Unavailable`](ErrorKind::Unavailable) when no server or no JetStream answers.
    pub async fn connect(config: NatsConfig) -> Result<Self, Error> {
        let servers = config.check()?;
        let link = Link::new(config.clone(), servers);
        let connection = link.connection().await?;
        let (destinations, faults) = Destinations::ask(&connection, &config).await?;
        if !faults.is_empty() {
            let faults = faults.join("; ");
            return Err(Error::new(ErrorKind::Invalid, "configure the bus to NATS", faults));
        }
        let payload_max = connection.client().max_payload();
        let guarantees = destinations.guarantees(&config, payload_max);
        let destinations = RwLock::new(Arc::new(destinations));
        let shared = Shared { config, link, tops: Tops::default(), destinations };
        Ok(Self { shared, guarantees })
    }

    async fn send(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else {
            return Ok(());
        };
        let connection = self.shared.link.connection().await.map_err(|error| {
            PublishError::unavailable(0, "NATS cannot be reached").with_source(error)
        })?;
        let mut call = Call::new(&self.shared, connection, &first.stream);
        let mut accepted = 0;
        while accepted < messages.len() {
            let rest = &messages[accepted..];
            let step = match self.shared.config.deduplication {
                Deduplication::Window => window::advance(&mut call, rest).await,
                Deduplication::Strict => strict::advance(&mut call, rest).await,
            };
            let step = step.map_err(|stop| stop.after(accepted))?;
            accepted += step.accepted;
            if let Some(stop) = step.stop {
                return Err(stop.after(accepted));
            }
        }
        Ok(())
    }
}

impl EventBus for NatsBus {
    fn system(&self) -> &'static str {
        "nats"
    }

    fn guarantees(&self) -> BusGuarantees {
        self.guarantees
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.send(messages))
    }
}

impl fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsBus").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn destinations(&self) -> Arc<Destinations> {
        Arc::clone(&self.destinations.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the server again how the streams are configured.
    pub(crate) async fn ask_again(&self, connection: &Connection) -> Result<(), Error> {
        let (found, faults) = Destinations::ask(connection, &self.config).await?;
        if !faults.is_empty() {
            tracing::warn!(faults = faults.join("; "), "the bus to NATS cannot work as it should");
        }
        *self.destinations.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        Ok(())
    }
}
