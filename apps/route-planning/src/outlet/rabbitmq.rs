//! RabbitMQ, by exchanges.

use crate::settings::Broker;
use idp::application::{BoxError, EventBus};
use idp::rabbitmq::{RabbitBus, RabbitConfig};
use std::sync::Arc;
use std::time::Duration;

/// Less than the relay gives a send, so that it is the bus that says what went wrong.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) async fn open(broker: &Broker) -> Result<Arc<dyn EventBus>, BoxError> {
    let bus = RabbitBus::connect(RabbitConfig {
        connection_name: "route-planning".into(),
        confirm_timeout: CONFIRM_TIMEOUT,
        ..RabbitConfig::at(broker.url.reveal())
    });
    Ok(Arc::new(bus.await?))
}
