//! idp's relay.

use super::BATCH;
use super::counting::Counting;
use crate::BoxError;
use crate::schema::Schema;
use idp_application::{CommitSignal, WorkerId};
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) async fn start(
    schema: &Schema,
    workers: u16,
    bus: &Arc<Counting>,
) -> Result<Vec<RelayHandle>, BoxError> {
    let mut relays = Vec::new();
    for _ in 0..workers {
        let config = RelayConfig { batch_size: BATCH, ..RelayConfig::default() };
        let (store, target) = (schema.store(4).await?, Target::new("bench", bus.clone()));
        let worker = WorkerId(Uuid::now_v7());
        let signal = CommitSignal::default();
        relays.push(Relay::new(target, config, store, worker, &signal)?.start());
    }
    Ok(relays)
}

/// Until everything was sent and recorded.
pub(crate) async fn drain(schema: &Schema, count: u64, workers: u16) -> Result<u64, BoxError> {
    let bus = Arc::new(Counting::default());
    let relays = start(schema, workers, &bus).await?;
    bus.reaches(count).await;
    for relay in relays {
        relay.stop().await?;
    }
    Ok(bus.count())
}
