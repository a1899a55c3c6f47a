//! Redis Streams.

use super::Outlet;
use crate::settings::Broker;
use idp::application::BoxError;
use idp::redis::{RedisBus, RedisConfig};
use std::sync::Arc;

/// What tells the messages of this service from those of others; it must never change.
const PREFIX: &str = "route-planning";

pub(super) async fn open(broker: &Broker) -> Result<Outlet, BoxError> {
    let bus = RedisBus::connect(RedisConfig::new(broker.url.reveal(), PREFIX)).await?;
    Ok(Outlet { name: "redis", bus: Arc::new(bus) })
}
