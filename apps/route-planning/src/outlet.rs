//! The buses that events leave by: the console, and the brokers for which the program was built.

#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;

use crate::settings::{Broker, BrokerKind, Bus};
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

    /// The names that targets of the service have.
    pub const NAMES: [&'static str; 4] = ["console", "nats", "rabbitmq", "redis"];

    /// The name of the target that events leave by, by that setting.
    pub fn name_of(bus: &Bus) -> &'static str {
        match bus {
            Bus::Console | Bus::Off => "console",
            Bus::Broker(broker) => match broker.kind {
                BrokerKind::Nats => "nats",
                BrokerKind::RabbitMq => "rabbitmq",
                BrokerKind::Redis => "redis",
            },
        }
    }

    /// The one that is set. `off` is the console, too: it is the service that has none then.
    ///
    /// Fails when the broker cannot be reached, or lacks what the bus needs of it. Later it may come
    /// and go.
    pub async fn open(bus: &Bus) -> Result<Self, BoxError> {
        let name = Self::name_of(bus);
        match bus {
            Bus::Console | Bus::Off => Ok(Self { name, bus: Arc::new(ConsoleBus::stdout()) }),
            Bus::Broker(broker) => match open_broker(broker).await {
                Ok(bus) => Ok(Self { name, bus }),
                Err(error) => Err(format!("relay.bus: {bus} cannot be used: {error}").into()),
            },
        }
    }
}

async fn open_broker(broker: &Broker) -> Result<Arc<dyn EventBus>, BoxError> {
    match broker.kind {
        #[cfg(feature = "nats")]
        BrokerKind::Nats => nats::open(broker).await,
        #[cfg(feature = "rabbitmq")]
        BrokerKind::RabbitMq => rabbitmq::open(broker).await,
        #[cfg(feature = "redis")]
        BrokerKind::Redis => redis::open(broker).await,
        #[allow(unreachable_patterns, reason = "with all features there is no other")]
        other => Err(format!("this program was built without the bus to {other:?}").into()),
    }
}
