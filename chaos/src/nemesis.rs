//! What is done to a running system, one thing after another; after each, all must recover.

use crate::failure::Outcome;
use crate::journal::Mark;
use crate::place::{TALLIES, tally};
use crate::relay::LEASE_TTL;
use crate::scene::{PATIENCE, Scene};
use crate::servers::{BROKER, Order, POSTGRES, order};
use crate::writer::{application, count};
use idp_domain::EntityId;
use idp_testkit::{Dice, Proxy};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    RelayKilled,
    RelayFrozen,
    WriterKilled,
    ConnectionsKilled,
    LongTransaction,
    PostgresRestarted,
    PostgresKilled,
    BrokerKilled,
    PostgresCut,
    BrokerCut,
    GracefulStops,
    RebalanceStorm,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::GracefulStops,
        Self::LongTransaction,
        Self::ConnectionsKilled,
        Self::RelayKilled,
        Self::RelayFrozen,
        Self::WriterKilled,
        Self::PostgresRestarted,
        Self::PostgresKilled,
        Self::BrokerKilled,
        Self::PostgresCut,
        Self::BrokerCut,
        Self::RebalanceStorm,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RelayKilled => "relay_killed",
            Self::RelayFrozen => "relay_frozen",
            Self::WriterKilled => "writer_killed",
            Self::ConnectionsKilled => "connections_killed",
            Self::LongTransaction => "long_transaction",
            Self::PostgresRestarted => "postgres_restarted",
            Self::PostgresKilled => "postgres_killed",
            Self::BrokerKilled => "broker_killed",
            Self::PostgresCut => "postgres_cut",
            Self::BrokerCut => "broker_cut",
            Self::GracefulStops => "graceful_stops",
            Self::RebalanceStorm => "rebalance_storm",
        }
    }
}

/// Lets it happen, and sees whether all recovers.
pub(crate) async fn inject(fault: Fault, scene: &mut Scene, dice: &Dice) -> Outcome {
    let name = || fault.name().to_owned();
    let begun = Instant::now();
    scene.mark(Mark::Began { fault: name() })?;
    match fault {
        Fault::RelayKilled => relay_killed(scene, dice).await?,
        Fault::RelayFrozen => relay_frozen(scene, dice).await?,
        Fault::WriterKilled => drop(scene.writers.pop()),
        Fault::ConnectionsKilled => connections_killed(scene).await?,
        Fault::LongTransaction => long_transaction(scene, dice).await?,
        Fault::PostgresRestarted => postgres_down(scene, Order::Stop, Duration::ZERO).await?,
        Fault::PostgresKilled => {
            let outage = scene.request.choose(Duration::from_secs(1), Duration::from_secs(10));
            postgres_down(scene, Order::Kill, outage).await?;
        }
        Fault::BrokerKilled => broker_killed(scene).await?,
        Fault::PostgresCut => {
            scene.leases_lost(scene.relays_running()[0]);
            cut(&scene.postgres_line, LEASE_TTL + Duration::from_secs(1)).await;
        }
        Fault::BrokerCut => {
            let outage = scene.request.choose(Duration::from_secs(4), Duration::from_secs(30));
            cut(&scene.broker_line, outage).await;
        }
        Fault::GracefulStops => graceful_stops(scene).await?,
        Fault::RebalanceStorm => rebalance_storm(scene, dice).await?,
    }
    scene.mark(Mark::Healed { fault: name() })?;
    let healed = Instant::now();
    match scene.drain().await? {
        0 => scene.mark(Mark::Drained { fault: name() })?,
        left => scene.mark(Mark::Stuck { fault: name(), left })?,
    }
    println!(
        "{:20} {:5.1} s, recovered after {:4.1} s",
        fault.name(),
        (healed - begun).as_secs_f32(),
        healed.elapsed().as_secs_f32()
    );
    scene.fill()
}

/// The other one has to do its work.
async fn relay_killed(scene: &mut Scene, dice: &Dice) -> Outcome {
    let at = dice.place(scene.relays.len());
    if let Some(mut relay) = scene.relays[at].take() {
        scene.leases_lost(relay.number);
        relay.signal("KILL")?;
        relay.ended(PATIENCE).await?;
    }
    Ok(())
}

/// It stands still until it has lost its leases, and goes on without knowing that.
async fn relay_frozen(scene: &mut Scene, dice: &Dice) -> Outcome {
    let at = dice.place(scene.relays.len());
    if let Some(relay) = &scene.relays[at] {
        scene.leases_lost(relay.number);
        relay.signal("STOP")?;
        sleep(LEASE_TTL + Duration::from_millis(1_500)).await;
        relay.signal("CONT")?;
    }
    Ok(())
}

/// Those of writers and relays alike, again and again.
async fn connections_killed(scene: &Scene) -> Outcome {
    const KILL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = $1";
    let client = scene.client().await?;
    let mut killed = 0;
    for _ in 0..scene.request.choose(5, 50) {
        killed += client.query_one(KILL, &[&scene.place.schema]).await?.get::<_, i64>(0);
        sleep(Duration::from_millis(300)).await;
    }
    if killed == 0 { Err("there were no connections to kill".into()) } else { Ok(()) }
}

/// A transaction writes events and then stays open.
async fn long_transaction(scene: &mut Scene, dice: &Dice) -> Outcome {
    const WAITING: &str = "SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 7 AND objid = 7 AND NOT granted";
    let control = scene.client().await?;
    control.batch_execute("SELECT pg_advisory_lock(7, 7)").await?;
    let number = TALLIES + dice.within(0..40);
    let app = application(&scene.place, "&options=-c%20idp.slow%3Don").await?;
    let slow = tokio::spawn(async move { count(&app, number, 2).await });
    let deadline = Instant::now() + PATIENCE;
    while control.query_one(WAITING, &[]).await?.get::<_, i64>(0) == 0 {
        if Instant::now() > deadline {
            return Err("the long transaction never reached its end".into());
        }
        sleep(LOOK_INTERVAL).await;
    }
    let aggregate = tally(number).uuid();
    let half = scene.request.choose(Duration::from_secs(2), Duration::from_secs(60));
    scene.mark(Mark::Held { aggregate })?;
    sleep(half).await;
    scene.mark(Mark::StillHeld { aggregate })?;
    sleep(half).await;
    scene.mark(Mark::LetGo { aggregate })?;
    control.batch_execute("SELECT pg_advisory_unlock(7, 7)").await?;
    Ok(timeout(PATIENCE, slow).await???)
}

async fn postgres_down(scene: &Scene, how: Order, outage: Duration) -> Outcome {
    // Whoever cannot renew its leases for long may lose them.
    scene.relays_running().into_iter().for_each(|relay| scene.leases_lost(relay));
    order(how, POSTGRES).await?;
    sleep(outage).await;
    order(Order::Start, POSTGRES).await.map(drop)
}

async fn broker_killed(scene: &Scene) -> Outcome {
    order(Order::Kill, BROKER).await?;
    sleep(scene.request.choose(Duration::from_secs(5), Duration::from_secs(30))).await;
    order(Order::Start, BROKER).await.map(drop)
}

async fn cut(line: &Proxy, outage: Duration) {
    line.cut().await;
    sleep(outage).await;
    line.restore();
}

/// Processes come, work and go; nobody is hurt.
async fn graceful_stops(scene: &mut Scene) -> Outcome {
    const AT_ONCE: usize = 2;
    scene.mark(Mark::StopsBegan)?;
    for _ in 0..scene.request.choose(10, 50) {
        let mut visitors = Vec::new();
        for _ in 0..AT_ONCE {
            visitors.push(scene.start_relay(false)?);
        }
        for visitor in &visitors {
            scene.wait_until_it_works(visitor.number).await?;
        }
        for visitor in &visitors {
            visitor.signal("TERM")?;
        }
        for mut visitor in visitors {
            let is_graceful = visitor.ended(PATIENCE).await?.success();
            scene.mark(Mark::Stopped { process: visitor.number, is_graceful })?;
        }
    }
    scene.mark(Mark::StopsEnded)
}

/// Processes come and go quickly, half of them by a kill.
async fn rebalance_storm(scene: &mut Scene, dice: &Dice) -> Outcome {
    for round in 0..scene.request.choose(6, 60) {
        let mut visitor = scene.start_relay(false)?;
        sleep(Duration::from_millis(dice.within(300..1_500))).await;
        // One that does not listen to polite requests yet ends as by a kill.
        scene.leases_lost(visitor.number);
        visitor.signal(if round % 2 == 0 { "TERM" } else { "KILL" })?;
        visitor.ended(PATIENCE).await?;
    }
    Ok(())
}
