//! The experiment: how long after a commit was acknowledged its event is at the bus, by each step of
//! the ladder of wake-ups, beside a relay that only polls, each 100 ms.
//!
//! Commits are begun at fixed times, whether those before them have ended or not (an open loop), so a
//! stall shows in all that it delays. Each step has a schema, stores and signals of its own. But for
//! the first, whoever commits and whoever relays share nothing but the database, as two processes would.

mod arrivals;

use crate::schema::Schema;
use crate::{BoxError, machine};
use arrivals::Arrivals;
use idp_application::{Actor, Application, CommitSignal, CommitWatch, Context, Error, WorkerId};
use idp_domain::{EntityId, TenantId};
use idp_postgres::{PgNotify, PgNotifyOptions};
use idp_postgres_cdc::{CdcConfig, PgCdc};
use idp_relay::{Relay, RelayConfig, RelayHandle, Target, WakeUp, WakeUpHandle, WakeUpStep};
use idp_testkit::{TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

/// How the relay learns of commits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    InProcess,
    Notify,
    ChangeDataCapture,
    Polling,
}

impl Step {
    const ALL: [Self; 4] = [Self::Polling, Self::InProcess, Self::Notify, Self::ChangeDataCapture];

    fn title(self) -> &'static str {
        match self {
            Self::InProcess => "in process",
            Self::Notify => "NOTIFY",
            Self::ChangeDataCapture => "change data capture",
            Self::Polling => "polling each 100 ms",
        }
    }
}

const RATES: [u32; 2] = [50, 500];
const PATIENCE: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_secs(2);

pub(crate) fn run(options: &[&str]) -> Result<(), BoxError> {
    let seconds = match options {
        [] => 15,
        ["--quick"] => 1,
        _ => return Err("wake-up takes --quick and nothing else".into()),
    };
    let url = std::env::var("IDP_TEST_PG").map_err(|_| {
        "IDP_TEST_PG names no PostgreSQL. To start one for the run:\n  \
         cargo xtask pg -- cargo run --release -p bench -- wake-up"
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(experiment(&url, Duration::from_secs(seconds)))
}

async fn experiment(url: &str, lasts: Duration) -> Result<(), BoxError> {
    for (name, value) in machine::describe() {
        println!("{name}: {value}");
    }
    println!("each cell: {lasts:?} after {WARM_UP:?} of warm-up\n");
    println!(
        "| commits/s | woken by | p50 ms | p90 ms | p99 ms | max ms | p50 of polling : this |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|");
    for rate in RATES {
        let mut polling = None;
        for step in Step::ALL {
            let schema = Schema::make(url, TALLY_TABLES).await?;
            let latencies = measure(&schema, step, rate, lasts).await;
            schema.drop().await?;
            let latencies = latencies?;
            let quantile = |q: f64| milliseconds(quantile(&latencies, q));
            let p50 = quantile(0.5);
            let ratio = polling.get_or_insert(p50).max(0.001) / p50.max(0.001);
            println!(
                "| {rate} | {} | {p50:.2} | {:.2} | {:.2} | {:.2} | {ratio:.1} |",
                step.title(),
                quantile(0.9),
                quantile(0.99),
                quantile(1.0),
            );
        }
    }
    Ok(())
}

/// The times from the acknowledgement of a commit to the arrival of its event, sorted.
async fn measure(
    schema: &Schema,
    step: Step,
    rate: u32,
    lasts: Duration,
) -> Result<Vec<Duration>, BoxError> {
    let app = Application::new(schema.store(16).await?);
    let arrivals = Arc::new(Arrivals::default());
    let relaying = Relaying::start(schema, step, app.committed(), arrivals.clone()).await?;
    let warm_up = commit_paced(&app, rate, WARM_UP).await?;
    timeout(PATIENCE, arrivals.count_reaches(warm_up.len())).await?;
    let commits = commit_paced(&app, rate, lasts).await?;
    timeout(PATIENCE, arrivals.count_reaches(warm_up.len() + commits.len())).await?;
    relaying.relay.stop().await?;
    let arrived = arrivals.times();
    let mut latencies = Vec::with_capacity(commits.len());
    for (tally, acknowledged) in commits {
        let at = arrived.get(&tally).ok_or("an event did not arrive")?;
        // It may be at the bus before the answer to the commit is here.
        latencies.push(at.saturating_duration_since(acknowledged));
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// Begins commits at fixed times. Gives when each was acknowledged.
async fn commit_paced(
    app: &Application,
    rate: u32,
    lasts: Duration,
) -> Result<Vec<(Uuid, Instant)>, BoxError> {
    let interval = Duration::from_secs(1) / rate;
    let start = Instant::now();
    let mut commits = JoinSet::new();
    let mut next = start;
    while next < start + lasts {
        sleep_until(next).await;
        commits.spawn(commit(app.clone()));
        next += interval;
    }
    let mut acknowledged = Vec::new();
    while let Some(commit) = commits.join_next().await {
        acknowledged.push(commit??);
    }
    Ok(acknowledged)
}

async fn commit(app: Application) -> Result<(Uuid, Instant), Error> {
    let context = Context::new(TenantId::new("acme").expect("valid"), Actor::new("bench"));
    let tally = app.run(context, async |uow| {
        let id = uow.new_id::<TallyId>();
        let mut tally = Tally::new(id);
        tally.count(1);
        uow.add(tally)?;
        Ok::<_, Error>(id.uuid())
    });
    Ok((tally.await?, Instant::now()))
}

struct Relaying {
    relay: RelayHandle,
    _ladders: Vec<WakeUpHandle>,
}

impl Relaying {
    async fn start(
        schema: &Schema,
        step: Step,
        committer: &CommitSignal,
        bus: Arc<Arrivals>,
    ) -> Result<Self, BoxError> {
        let store = schema.store(4).await?;
        let elsewhere = CommitSignal::default();
        let notify = |store| PgNotify::of(store, PgNotifyOptions::default());
        let mut ladders = Vec::new();
        let signal = match step {
            Step::InProcess => committer,
            Step::Polling => &elsewhere,
            Step::Notify => {
                ladders.push(watching(committer, Arc::new(notify(&*store)?)).await?);
                ladders.push(watching(&elsewhere, Arc::new(notify(&*store)?)).await?);
                &elsewhere
            }
            Step::ChangeDataCapture => {
                let name = Some(schema.name.clone());
                let config = CdcConfig { schema: name, ..CdcConfig::default() };
                let cdc = Arc::new(PgCdc::new(&schema.url, config)?);
                ladders.push(watching(&elsewhere, cdc).await?);
                &elsewhere
            }
        };
        let poll_interval = Duration::from_millis(100);
        let config = RelayConfig { poll_interval, ..RelayConfig::default() };
        let worker = WorkerId(Uuid::now_v7());
        let relay = Relay::new(Target::new("bench", bus), config, store, worker, signal)?.start();
        let mut metrics = relay.watch();
        timeout(PATIENCE, metrics.wait_for(|metrics| metrics.lanes_held == 64)).await??;
        Ok(Self { relay, _ladders: ladders })
    }
}

async fn watching(
    signal: &CommitSignal,
    watch: Arc<dyn CommitWatch>,
) -> Result<WakeUpHandle, BoxError> {
    let ladder = WakeUp::new(signal, vec![watch]).start();
    let mut steps = ladder.changes();
    let begun = steps.wait_for(|step| *step != WakeUpStep::Polling);
    timeout(PATIENCE, begun).await.map_err(|_| "the watch does not begin")??;
    Ok(ladder)
}

fn quantile(sorted: &[Duration], q: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rank among some thousands"
    )]
    let rank = ((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
