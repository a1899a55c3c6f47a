//! A relay process: a relay for each target.

use crate::clock;
use crate::failure::Outcome;
use crate::observed::Observed;
use crate::place::{BATCH_SIZE, Place, Target, is_poisoned};
use crate::process::asked_to_end;
use idp_application::{CommitSignal, EventBus, Message};
use idp_relay::{Relay, RelayConfig, TopicRule};
use idp_testkit::{Reception, Sink};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LEASE_MARGIN: Duration = Duration::from_millis(400);
const CONNECTED_AFTER_MAX: Duration = Duration::from_secs(30);
const CONNECT_PAUSE: Duration = Duration::from_millis(500);
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);

/// The life of the process.
pub(crate) async fn run() -> Outcome {
    let place = Place::told()?;
    let log = Arc::new(place.store("").await?);
    let mut relays = Vec::new();
    for target in Target::ALL {
        let worker = target.worker(place.process);
        let topic = TopicRule::fixed(place.bus.topic(&place));
        let to = idp_relay::Target::new(target.name(), bus(target, &place).await?).topic(topic);
        let relay = Relay::new(to, config(&place), log.clone(), worker, &CommitSignal::default())?;
        relays.push(relay.start());
    }
    let watch = tokio::spawn(clock::watch(place));
    asked_to_end().await?;
    watch.abort();
    let stops: Vec<_> = relays.into_iter().map(|relay| tokio::spawn(relay.stop())).collect();
    for stop in stops {
        stop.await??;
    }
    Ok(())
}

fn config(place: &Place) -> RelayConfig {
    let lease_ttl = place.bus.lease_ttl();
    RelayConfig {
        lease_ttl,
        lease_margin: LEASE_MARGIN,
        heartbeat_interval: HEARTBEAT_INTERVAL,
        publish_timeout: (lease_ttl - LEASE_MARGIN - HEARTBEAT_INTERVAL).mul_f32(0.7),
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
            let bus = connected(place).await?;
            Arc::new(Observed::new(bus, worker, place.history(target))?)
        }
    })
}

/// A broker that is slow to answer costs no process: as a service that is started anew, it tries again.
async fn connected(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let deadline = Instant::now() + CONNECTED_AFTER_MAX;
    loop {
        match place.bus.connect(place).await {
            Err(error) if Instant::now() < deadline => {
                eprintln!("relay process {}: {error}", place.process);
                sleep(CONNECT_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Refuses the first message of a poisoned key, unless it was cured.
fn receive(messages: &[Message], is_cured: bool) -> Reception {
    let poison = messages.iter().position(|message| is_poisoned(message.event.aggregate_id));
    match poison {
        Some(accepted) if !is_cured => Reception::Refuse { accepted },
        _ => Reception::Take,
    }
}
