//! The buses that events leave by: the console, and the brokers for which the program was built.

#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;

use crate::settings::{Broker, Bus};
use idp::application::{BoxError, EventBus};
use idp::memory::ConsoleBus;
use std::sync::Arc;

/// A bus, and the name under which the relay keeps how far it is. A service that changes to another
/// bus sends it everything from the beginning.
pub struct Outlet {
    /// The name of the target.
    pub name: &'static str,
    /// The bus.
    pub bus: Arc<dyn EventBus>,
}

impl Outlet {
    /// The `source` of the events. With it and the id of an event subscribers know one that they had.
    pub const SOURCE: &'static str = "/route-planning";

    /// The one that is set. `off` is the console, too: it is the service that has none then.
    ///
    /// Fails when the broker cannot be reached, or lacks what the bus needs of it. Later it may come
    /// and go.
    pub async fn open(bus: &Bus) -> Result<Self, BoxError> {
        match bus {
            Bus::Console | Bus::Off => {
                Ok(Self { name: "console", bus: Arc::new(ConsoleBus::stdout()) })
            }
            Bus::Broker(broker) => {
                let opened = open_broker(broker).await;
                opened.map_err(|error| format!("relay.bus: {bus} cannot be used: {error}").into())
            }
        }
    }
}

async fn open_broker(broker: &Broker) -> Result<Outlet, BoxError> {
    match broker.kind {
        #[cfg(feature = "nats")]
        crate::settings::BrokerKind::Nats => nats::open(broker).await,
        #[cfg(feature = "rabbitmq")]
        crate::settings::BrokerKind::RabbitMq => rabbitmq::open(broker).await,
        #[cfg(feature = "redis")]
        crate::settings::BrokerKind::Redis => redis::open(broker).await,
        #[allow(unreachable_patterns, reason = "with all features there is no other")]
        other => Err(format!("this program was built without the bus to {other:?}").into()),
    }
}
