//! What is done to a running system, one thing after another; after each, all must recover.

use crate::clock;
use crate::failure::Outcome;
use crate::journal::{Line, Mark};
use crate::place::{TALLIES, Target, tally};
use crate::request::Request;
use crate::scene::{PATIENCE, Scene, wait_until_it_works};
use crate::servers::{Order, POSTGRES, order};
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
    BrokerFrozen,
    PostgresCut,
    BrokerCut,
    GracefulStops,
    RebalanceStorm,
    RelayClocksStepped,
    PostgresClockForward,
    PostgresClockBack,
    TakeoverClockBack,
}

/// What was seen of a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) fault: Fault,
    /// How long it lasted.
    pub(crate) lasted: Duration,
    /// How long it took until all had arrived that was committed when it was over.
    pub(crate) recovered: Duration,
    /// How many events had not arrived by then.
    pub(crate) left: usize,
}

impl Fault {
    pub(crate) const ALL: [Self; 17] = [
        Self::GracefulStops,
        Self::LongTransaction,
        Self::ConnectionsKilled,
        Self::RelayKilled,
        Self::RelayFrozen,
        Self::WriterKilled,
        Self::PostgresRestarted,
        Self::PostgresKilled,
        Self::BrokerKilled,
        Self::BrokerFrozen,
        Self::PostgresCut,
        Self::BrokerCut,
        Self::RebalanceStorm,
        Self::RelayClocksStepped,
        Self::PostgresClockForward,
        Self::PostgresClockBack,
        Self::TakeoverClockBack,
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
            Self::BrokerFrozen => "broker_frozen",
            Self::PostgresCut => "postgres_cut",
            Self::BrokerCut => "broker_cut",
            Self::GracefulStops => "graceful_stops",
            Self::RebalanceStorm => "rebalance_storm",
            Self::RelayClocksStepped => "relay_clocks_stepped",
            Self::PostgresClockForward => "postgres_clock_forward",
            Self::PostgresClockBack => "postgres_clock_back",
            Self::TakeoverClockBack => "takeover_clock_back",
        }
    }

    /// How long it takes in such a run until all has recovered, as far as can be told before.
    pub(crate) fn lasts_about(self, request: &Request) -> Duration {
        let seconds = match self {
            Self::LongTransaction => request.choose(5, 125),
            Self::GracefulStops => request.choose(20, 120),
            Self::RebalanceStorm => request.choose(10, 90),
            Self::BrokerKilled | Self::BrokerFrozen | Self::BrokerCut => request.choose(10, 45),
            Self::RelayClocksStepped => 40,
            _ => 20,
        };
        Duration::from_secs(seconds)
    }

    fn steps_a_clock(self) -> bool {
        matches!(
            self,
            Self::RelayClocksStepped
                | Self::PostgresClockForward
                | Self::PostgresClockBack
                | Self::TakeoverClockBack
        )
    }
}

/// Lets it happen, and sees whether all recovers. Gives nothing for what this machine cannot do.
pub(crate) async fn inject(fault: Fault, scene: &mut Scene, dice: &Dice) -> Outcome<Option<Seen>> {
    if fault.steps_a_clock() && !clock::can_be_stepped() {
        println!("{:22} left out: clocks of processes cannot be stepped here", fault.name());
        return Ok(None);
    }
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
        Fault::BrokerFrozen => broker_frozen(scene).await?,
        Fault::PostgresCut => {
            scene.leases_lost(scene.relays_running()[0]);
            cut(&scene.postgres_line, scene.place.bus.lease_ttl() + Duration::from_secs(1)).await;
        }
        Fault::BrokerCut => {
            let outage = scene.request.choose(Duration::from_secs(4), Duration::from_secs(30));
            match scene.place.bus.can_be_cut() {
                true => cut(&scene.broker_line, outage).await,
                false => broker_frozen(scene).await?,
            }
        }
        Fault::GracefulStops => graceful_stops(scene).await?,
        Fault::RebalanceStorm => rebalance_storm(scene, dice).await?,
        Fault::RelayClocksStepped => relay_clocks_stepped(scene).await?,
        Fault::PostgresClockForward => postgres_clock(scene, STEP_SECONDS).await?,
        Fault::PostgresClockBack => {
            only_the_living_hold_lanes(scene).await?;
            postgres_clock(scene, -STEP_SECONDS).await?;
        }
        Fault::TakeoverClockBack => takeover_clock_back(scene, dice).await?,
    }
    scene.mark(Mark::Healed { fault: name() })?;
    let healed = Instant::now();
    let left = scene.drain().await?;
    match left {
        0 => scene.mark(Mark::Drained { fault: name() })?,
        left => scene.mark(Mark::Stuck { fault: name(), left })?,
    }
    let seen = Seen { fault, lasted: healed - begun, recovered: healed.elapsed(), left };
    scene.fill()?;
    Ok(Some(seen))
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
        sleep(scene.place.bus.lease_ttl() + Duration::from_millis(1_500)).await;
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
    let broker = scene.place.bus.server();
    order(Order::Kill, broker).await?;
    sleep(scene.request.choose(Duration::from_secs(5), Duration::from_secs(30))).await;
    order(Order::Start, broker).await.map(drop)
}

/// It takes connections and bytes, and answers nothing.
async fn broker_frozen(scene: &Scene) -> Outcome {
    let broker = scene.place.bus.server();
    order(Order::Freeze, broker).await?;
    sleep(scene.request.choose(Duration::from_secs(4), Duration::from_secs(30))).await;
    order(Order::Thaw, broker).await.map(drop)
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
        for visitor in &mut visitors {
            wait_until_it_works(&scene.place, visitor).await?;
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

/// By how much clocks are stepped that nothing waits for.
const STEP_SECONDS: i64 = 3_600;
/// And by how much one that a take-over waits for.
const STEP_BACK_SECONDS: i64 = 15;

/// The time of day jumps for all relay processes, an hour ahead, two back, and one ahead. Nobody
/// may lose a lease by that, so nothing may arrive twice.
async fn relay_clocks_stepped(scene: &mut Scene) -> Outcome {
    for shown in [STEP_SECONDS, -STEP_SECONDS, 0] {
        let before = steps_seen(scene)?;
        clock::set(&scene.place, shown)?;
        let deadline = Instant::now() + PATIENCE;
        while steps_seen(scene)? < before + scene.relays_running().len() {
            if Instant::now() > deadline {
                return Err("the clocks of the relays were not seen to jump".into());
            }
            sleep(LOOK_INTERVAL).await;
        }
        sleep(scene.place.bus.lease_ttl() + Duration::from_secs(1)).await;
    }
    Ok(())
}

fn steps_seen(scene: &mut Scene) -> Outcome<usize> {
    scene.plain.read_on()?;
    let running = scene.relays_running();
    let steps = scene.plain.lines.iter().filter(|line| {
        matches!(line, Line::Mark { mark: Mark::ClockStepped { process, .. } } if running.contains(process))
    });
    Ok(steps.count())
}

/// The clock of PostgreSQL jumps. Ahead, every lease expires at once, while its owner works; back,
/// nothing does.
async fn postgres_clock(scene: &mut Scene, by: i64) -> Outcome {
    const NOW: &str = "SELECT extract(epoch FROM clock_timestamp())::bigint";
    scene.relays_running().into_iter().for_each(|relay| scene.leases_lost(relay));
    let client = scene.client().await?;
    let before: i64 = client.query_one(NOW, &[]).await?.get(0);
    scene.postgres_ahead += by;
    order(Order::Clock(scene.postgres_ahead), POSTGRES).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now: i64 = client.query_one(NOW, &[]).await?.get(0);
        if (now - before - by).abs() < PATIENCE.as_secs().cast_signed()
            && (now - before).abs() >= by.abs() / 2
        {
            break;
        }
        if Instant::now() > deadline {
            return Err("the clock of PostgreSQL was not seen to jump".into());
        }
        sleep(LOOK_INTERVAL).await;
    }
    sleep(scene.place.bus.lease_ttl() + Duration::from_secs(1)).await;
    Ok(())
}

/// Waits until the leases of those who died have ended: what a clock is set back is added to them, which is
/// no fault (docs/relay.md), but an hour is longer than a run.
async fn only_the_living_hold_lanes(scene: &Scene) -> Outcome {
    const OF_THE_DEAD: &str = "SELECT count(*) FROM idp_reader_lane
        WHERE lease_until >= clock_timestamp() AND owner <> ALL($1)";
    let running = scene.relays_running();
    let workers = running.into_iter().flat_map(|relay| Target::ALL.map(|it| it.worker(relay).0));
    let workers: Vec<_> = workers.collect();
    let client = scene.client().await?;
    let deadline = Instant::now() + PATIENCE;
    while client.query_one(OF_THE_DEAD, &[&workers]).await?.get::<_, i64>(0) > 0 {
        if Instant::now() > deadline {
            return Err("the leases of those who died do not end".into());
        }
        sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}

/// A relay dies, and the clock that says when its leases end goes back: they are taken over late.
async fn takeover_clock_back(scene: &mut Scene, dice: &Dice) -> Outcome {
    relay_killed(scene, dice).await?;
    scene.relays_running().into_iter().for_each(|relay| scene.leases_lost(relay));
    scene.postgres_ahead -= STEP_BACK_SECONDS;
    order(Order::Clock(scene.postgres_ahead), POSTGRES).await.map(drop)
}
