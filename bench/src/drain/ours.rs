//! idp's relay.

use super::BATCH;
use super::counting::Counting;
use super::results::Drained;
use crate::BoxError;
use idp_application::{CommitSignal, OutboxLog, Reader, RelayLog, Sharding, WorkerId};
use idp_relay::{Relay, RelayConfig, RelayHandle, Target};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The usual configuration.
pub(crate) fn config() -> RelayConfig {
    RelayConfig { batch_size: BATCH, ..RelayConfig::default() }
}

/// Relays of one target, each with a store of its own, as processes would have. They know of each other
/// before the first begins, so that they share the lanes from the start.
pub(crate) struct Workers {
    relays: Vec<Relay>,
    bus: Arc<Counting>,
}

impl Workers {
    /// As [`Workers::ready`], and each store has served another reader of the log before, which has events: so its
    /// statements are prepared, as those of the other contenders are.
    pub(crate) async fn warm<L: RelayLog>(
        logs: Vec<Arc<L>>,
        config: RelayConfig,
    ) -> Result<Self, BoxError> {
        for log in &logs {
            let others = Self::ready(vec![log.clone()], config.clone()).await?;
            let (relays, bus) = others.start();
            bus.reaches(u64::from(BATCH)).await?;
            stop(relays).await?;
        }
        Self::ready(logs, config).await
    }

    pub(crate) async fn ready<L: RelayLog>(
        logs: Vec<Arc<L>>,
        config: RelayConfig,
    ) -> Result<Self, BoxError> {
        let name = format!("bench-{}", Uuid::now_v7().simple());
        let bus = Arc::new(Counting::default());
        let mut relays = Vec::new();
        for log in logs {
            let worker = WorkerId(Uuid::now_v7());
            let reader = Reader { name: name.clone(), sharding: Sharding::ByLane };
            OutboxLog::join(&*log, &reader, worker, config.lease_ttl).await?;
            let (target, signal) = (Target::new(&*name, bus.clone()), CommitSignal::default());
            relays.push(Relay::new(target, config.clone(), log, worker, &signal)?);
        }
        Ok(Self { relays, bus })
    }

    pub(crate) fn start(self) -> (Vec<RelayHandle>, Arc<Counting>) {
        (self.relays.into_iter().map(Relay::start).collect(), self.bus)
    }

    /// Until everything was sent and recorded.
    pub(crate) async fn drain(self, count: u64) -> Result<Drained, BoxError> {
        let start = Instant::now();
        let (relays, bus) = self.start();
        bus.reaches(count).await?;
        stop(relays).await?;
        let took = start.elapsed();
        match bus.count() {
            events if events == count => Ok(Drained { events, took }),
            events => Err(format!("{events} events were sent of {count}").into()),
        }
    }
}

/// All at once, as processes end.
async fn stop(relays: Vec<RelayHandle>) -> Result<(), BoxError> {
    let mut stopping: JoinSet<_> = relays.into_iter().map(RelayHandle::stop).collect();
    while let Some(stopped) = stopping.join_next().await {
        stopped??;
    }
    Ok(())
}
