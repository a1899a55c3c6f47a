//! A relay process: a relay for each target.

use crate::failure::Outcome;
use crate::place::{BATCH_SIZE, Place, Target, is_poisoned};
use crate::process::asked_to_end;
use idp_application::{CommitSignal, EventBus, Message};
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use idp_relay::{Relay, RelayConfig, TopicRule};
use idp_testkit::{Reception, Sink};
use std::sync::Arc;
use std::time::Duration;

/// How long the lanes of a worker wait that says nothing any more.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(4);

/// The life of the process.
pub(crate) async fn run() -> Outcome {
    let place = Place::told()?;
    let log = Arc::new(place.store("").await?);
    let mut relays = Vec::new();
    for target in Target::ALL {
        let worker = target.worker(place.process);
        let topic = TopicRule::fixed(format!("{}.tallies", place.stream));
        let to = idp_relay::Target::new(target.name(), bus(target, &place).await?).topic(topic);
        let relay = Relay::new(to, config(), log.clone(), worker, &CommitSignal::default())?;
        relays.push(relay.start());
    }
    asked_to_end().await?;
    let stops: Vec<_> = relays.into_iter().map(|relay| tokio::spawn(relay.stop())).collect();
    for stop in stops {
        stop.await??;
    }
    Ok(())
}

fn config() -> RelayConfig {
    RelayConfig {
        lease_ttl: LEASE_TTL,
        lease_margin: Duration::from_millis(400),
        heartbeat_interval: Duration::from_millis(500),
        publish_timeout: Duration::from_secs(2),
        poll_interval: Duration::from_millis(250),
        side_poll_interval: Duration::from_millis(500),
        backoff_max: Duration::from_secs(1),
        batch_size: BATCH_SIZE,
        ..RelayConfig::default()
    }
}

async fn bus(target: Target, place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let worker = target.worker(place.process);
    Ok(match target {
        Target::Plain => Arc::new(Sink::new(worker, place.recorder(target)?)),
        Target::Picky => {
            let cure = place.cure();
            let sink = Sink::new(worker, place.recorder(target)?);
            Arc::new(sink.with_plan(move |messages| receive(messages, cure.exists())))
        }
        Target::Broker => {
            let mut config = NatsConfig::new(&place.broker, "chaos", [&place.stream]);
            config.deduplication = Deduplication::Strict;
            config.ack_timeout = Duration::from_millis(1_500);
            config.connect_timeout = Duration::from_secs(1);
            Arc::new(NatsBus::connect(config).await?)
        }
    })
}

/// Refuses the first message of a poisoned key, unless it was cured.
fn receive(messages: &[Message], is_cured: bool) -> Reception {
    let poison = messages.iter().position(|message| is_poisoned(message.event.aggregate_id));
    match poison {
        Some(accepted) if !is_cured => Reception::Refuse { accepted },
        _ => Reception::Take,
    }
}
