//! What a drain costs those who commit meanwhile.
//!
//! Four writers commit as fast as they can, which takes both cores, so that whoever works beside them
//! takes from them what he needs; and at a steady rate that leaves room, where only waiting for each other shows.

use super::aims::Verdict;
use super::backlog::{TENANTS, fill};
use super::contender::Contender;
use super::counting::Counting;
use super::ours::{self, Workers};
use super::results::median;
use super::textbook::{Status, Table, Worker};
use crate::BoxError;
use crate::schema::Schema;
use idp_application::{Actor, Application, Context, Error};
use idp_domain::TenantId;
use idp_relay::RelayConfig;
use idp_testkit::{TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const WRITERS: usize = 4;
/// Of a writer at a steady rate: 1,000 commits a second in all.
const EACH: Duration = Duration::from_millis(4);
const PART_MIN: f64 = 0.9;

/// How writers did beside somebody; medians of the rounds.
pub(crate) struct Beside {
    pub(crate) writers: &'static str,
    pub(crate) beside: &'static str,
    pub(crate) commits: f64,
    /// As a part of what they do alone, of the same round.
    pub(crate) part: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) drained: f64,
}

impl Beside {
    /// Whether a drain by idp slows them.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let ours = [Contender::Ours.title(), SPARING];
        ours.contains(&self.beside).then(|| Verdict {
            aim: format!("commits beside a drain by {} : alone", self.beside),
            cell: format!("PostgreSQL, four writers, {}", self.writers),
            wanted: PART_MIN,
            measured: self.part,
        })
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Pace {
    Full,
    Steady,
}

impl Pace {
    const fn title(self) -> &'static str {
        match self {
            Self::Full => "as fast as they can",
            Self::Steady => "1000 a second",
        }
    }
}

const ALONE: &str = "nobody";
/// idp's relay with a limit on the time in which it keeps the database busy.
const SPARING: &str = "idp, `log_percent_max` 10";
const SPARING_PERCENT: u32 = 10;

pub(crate) struct Size {
    pub(crate) backlog: u64,
    pub(crate) rounds: usize,
    pub(crate) lasts: Duration,
}

pub(crate) async fn compare(url: &str, size: &Size) -> Result<Vec<Beside>, BoxError> {
    eprintln!("writers beside a drain, {} rounds", size.rounds);
    let schema = Schema::make(url, TALLY_TABLES).await?;
    let result = all(&schema, size).await;
    schema.drop().await?;
    result
}

async fn all(schema: &Schema, size: &Size) -> Result<Vec<Beside>, BoxError> {
    fill(schema, size.backlog, TENANTS).await?;
    let mut table = Table::make(schema, size.backlog).await?;
    let app = Application::new(schema.store(8).await?);
    commits(&app, Pace::Full, size.lasts / 2).await?;
    let mut rows = Vec::new();
    let of_each = Contender::Textbook(Status::OfEach);
    for pace in [Pace::Full, Pace::Steady] {
        let mut rounds = [const { Vec::new() }; 4];
        for _ in 0..size.rounds {
            table.ready(schema, size.backlog / 2).await?;
            rounds[0].push((commits(&app, pace, size.lasts).await?, 0.0));
            rounds[1].push(beside_ours(schema, &app, pace, size.lasts, ours::config()).await?);
            let sparing = RelayConfig { log_percent_max: SPARING_PERCENT, ..ours::config() };
            rounds[2].push(beside_ours(schema, &app, pace, size.lasts, sparing).await?);
            let beside = beside_textbook(schema, &app, pace, size.lasts).await?;
            table.drained(beside.2);
            rounds[3].push((beside.0, beside.1));
        }
        let titles = [ALONE, Contender::Ours.title(), SPARING, of_each.title()];
        rows.extend(titles.iter().zip(&rounds).map(|(beside, those)| {
            let of = |value: fn(&(Commits, f64)) -> f64| median(those.iter().map(value).collect());
            let parts =
                those.iter().zip(&rounds[0]).map(|(these, alone)| these.0.rate / alone.0.rate);
            Beside {
                writers: pace.title(),
                beside,
                commits: of(|round| round.0.rate),
                part: median(parts.collect()),
                p50: of(|round| round.0.p50),
                p99: of(|round| round.0.p99),
                drained: of(|round| round.1),
            }
        }));
    }
    Ok(rows)
}

/// The log is long enough for a reader that is new.
async fn beside_ours(
    schema: &Schema,
    app: &Application,
    pace: Pace,
    lasts: Duration,
    config: RelayConfig,
) -> Result<(Commits, f64), BoxError> {
    let (relays, bus) = Workers::ready(vec![schema.store(4).await?], config).await?.start();
    bus.reaches(1).await?;
    let (before, start) = (bus.count(), Instant::now());
    let commits = commits(app, pace, lasts).await?;
    let drained = per_second(bus.count() - before, start.elapsed());
    for relay in relays {
        relay.stop().await?;
    }
    Ok((commits, drained))
}

async fn beside_textbook(
    schema: &Schema,
    app: &Application,
    pace: Pace,
    lasts: Duration,
) -> Result<(Commits, f64, u64), BoxError> {
    let bus = Arc::new(Counting::default());
    let worker = Worker::ready(schema, Status::OfEach).await?;
    let drain = tokio::spawn(worker.work(bus.clone(), u64::MAX));
    bus.reaches(1).await?;
    let (before, start) = (bus.count(), Instant::now());
    let commits = commits(app, pace, lasts).await?;
    let drained = per_second(bus.count() - before, start.elapsed());
    drain.abort();
    Ok((commits, drained, bus.count()))
}

/// How commits went.
pub(crate) struct Commits {
    rate: f64,
    p50: f64,
    p99: f64,
}

pub(crate) async fn commits(
    app: &Application,
    pace: Pace,
    lasts: Duration,
) -> Result<Commits, BoxError> {
    let mut writers = JoinSet::new();
    let start = Instant::now();
    for _ in 0..WRITERS {
        writers.spawn(write(app.clone(), pace, start + lasts));
    }
    let mut times = Vec::new();
    while let Some(written) = writers.join_next().await {
        times.extend(written??);
    }
    let rate = per_second(u64::try_from(times.len())?, start.elapsed());
    times.sort_unstable();
    let at = |percent: usize| {
        let time = times.get(times.len() * percent / 100).copied().unwrap_or_default();
        time.as_secs_f64() * 1e3
    };
    Ok(Commits { rate, p50: at(50), p99: at(99) })
}

async fn write(app: Application, pace: Pace, until: Instant) -> Result<Vec<Duration>, Error> {
    let mut turns = interval(EACH);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut times = Vec::new();
    while Instant::now() < until {
        if matches!(pace, Pace::Steady) {
            turns.tick().await;
        }
        let start = Instant::now();
        commit(&app).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}

async fn commit(app: &Application) -> Result<(), Error> {
    let context = Context::new(TenantId::new("acme").expect("valid"), Actor::new("bench"));
    let added = app.run(context, async |uow| {
        let mut tally = Tally::new(uow.new_id::<TallyId>());
        tally.count(1);
        uow.add(tally).map(drop)
    });
    added.await
}

#[expect(clippy::cast_precision_loss, reason = "some millions")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}
