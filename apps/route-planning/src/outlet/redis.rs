//! Redis Streams.

use crate::settings::Broker;
use idp::application::{BoxError, EventBus};
use idp::redis::{RedisBus, RedisConfig};
use std::sync::Arc;

/// What tells the messages of this service from those of others; it must never change.
const PREFIX: &str = "route-planning";

pub(super) async fn open(broker: &Broker) -> Result<Arc<dyn EventBus>, BoxError> {
    let bus = RedisBus::connect(RedisConfig::new(broker.url.reveal(), PREFIX)).await?;
    Ok(Arc::new(bus))
}
