//! The experiment: a backlog is drained to a bus that only counts, by idp's relay, by the relay of
//! the textbook (`FOR UPDATE SKIP LOCKED`, publish, set the status), and by nobody: the bare reading of
//! the log in the order of positions, which is the limit.
//!
//! All contenders of a cell drain the same number of events, of the same size, one after another, each
//! from tables of its own on the same server. The textbook's tables are its own: a status column
//! and a partial index on what is new. A contender that would take minutes drains a part of the backlog
//! that lies there, and its rate is that of the part.

mod backlog;
mod bare;
mod counting;
mod ours;
mod report;
mod textbook;
mod writers;

use crate::schema::Schema;
use crate::{BoxError, machine};
use backlog::fill;
use report::{Measured, Row};
use std::time::{Duration, Instant};
use textbook::Status;
use tokio_postgres::Client;

/// How many events are read and sent at once, by all contenders.
const BATCH: u32 = 500;
/// What the textbook drains of a larger backlog.
const TEXTBOOK_MAX: u64 = 20_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contender {
    Ours,
    Textbook(Status),
    Bare,
}

impl Contender {
    const ALL: [Self; 4] =
        [Self::Bare, Self::Ours, Self::Textbook(Status::OfAll), Self::Textbook(Status::OfEach)];

    fn title(self) -> &'static str {
        match self {
            Self::Ours => "idp",
            Self::Textbook(Status::OfEach) => "textbook, status row by row",
            Self::Textbook(Status::OfAll) => "textbook, status set-based",
            Self::Bare => "bare read",
        }
    }
}

struct Options {
    backlogs: Vec<u64>,
    workers: Vec<u16>,
}

impl Options {
    fn parse(options: &[&str]) -> Result<Self, BoxError> {
        let mut parsed = Self { backlogs: vec![10_000, 100_000, 1_000_000], workers: vec![1, 4] };
        for option in options {
            match *option {
                "--quick" => parsed = Self { backlogs: vec![2_000], workers: vec![1] },
                "--long" => parsed.backlogs.push(10_000_000),
                _ => return Err(format!("drain knows --quick and --long, not {option}").into()),
            }
        }
        Ok(parsed)
    }
}

pub(crate) fn run(options: &[&str]) -> Result<(), BoxError> {
    let options = Options::parse(options)?;
    let url = std::env::var("IDP_TEST_PG").map_err(|_| {
        "IDP_TEST_PG names no PostgreSQL. To start one for the run:\n  \
         cargo xtask pg -- cargo run --release -p bench -- drain"
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(experiment(&url, &options))
}

async fn experiment(url: &str, options: &Options) -> Result<(), BoxError> {
    for (name, value) in machine::describe() {
        println!("{name}: {value}");
    }
    report::begin();
    for backlog in &options.backlogs {
        for workers in &options.workers {
            for old_snapshot in [false, true] {
                cell(url, *backlog, *workers, old_snapshot).await?;
            }
        }
    }
    println!("\n## Writers beside a draining relay\n");
    let backlog = options.backlogs.iter().copied().max().unwrap_or_default().min(1_000_000);
    writers::compare(url, backlog).await
}

async fn cell(url: &str, backlog: u64, workers: u16, old_snapshot: bool) -> Result<(), BoxError> {
    let mut rows = Vec::new();
    for contender in Contender::ALL {
        if contender == Contender::Bare && workers > 1 {
            continue; // It is the limit of one reader.
        }
        let measured = drain(url, contender, backlog, workers, old_snapshot).await?;
        rows.push(Row { contender: contender.title(), measured });
    }
    report::cell(backlog, workers, old_snapshot, &rows);
    Ok(())
}

async fn drain(
    url: &str,
    contender: Contender,
    backlog: u64,
    workers: u16,
    old_snapshot: bool,
) -> Result<Measured, BoxError> {
    let schema = Schema::make(url, &[]).await?;
    let holder = schema.client().await?;
    if old_snapshot {
        let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM idp_meta";
        holder.batch_execute(hold).await?;
    }
    let table = match contender {
        Contender::Ours | Contender::Bare => "idp_outbox",
        Contender::Textbook(_) => textbook::make(&schema).await?,
    };
    fill(&schema, table, backlog).await?;
    let wal_before = wal(&schema.admin).await?;
    let start = Instant::now();
    let drained = match contender {
        Contender::Ours => ours::drain(&schema, backlog, workers).await?,
        Contender::Bare => bare::drain(&schema, backlog).await?,
        Contender::Textbook(status) => {
            textbook::drain(&schema, backlog.min(TEXTBOOK_MAX), workers, status).await?
        }
    };
    let took = start.elapsed();
    let wal = wal(&schema.admin).await?.saturating_sub(wal_before);
    let dead = dead_tuples(&schema.admin).await?;
    drop(holder);
    schema.drop().await?;
    Ok(Measured { drained, took, wal, dead })
}

async fn wal(admin: &Client) -> Result<u64, BoxError> {
    const WRITTEN: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    let bytes: i64 = admin.query_one(WRITTEN, &[]).await?.get(0);
    Ok(u64::try_from(bytes)?)
}

/// As far as the server has counted them: it takes a moment to.
async fn dead_tuples(admin: &Client) -> Result<u64, BoxError> {
    const DEAD: &str = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables \
                        WHERE schemaname = current_schema()";
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let dead: i64 = admin.query_one(DEAD, &[]).await?.get(0);
    Ok(u64::try_from(dead)?)
}
