//! What a draining relay costs those who commit.

use super::backlog::fill;
use super::counting::Counting;
use super::ours;
use crate::BoxError;
use crate::schema::Schema;
use idp_application::{Actor, Application, Context, Error};
use idp_domain::TenantId;
use idp_testkit::{TALLY_TABLES, Tally, TallyId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

const WRITERS: usize = 4;
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;

/// Commits a second of four writers, with and without a relay that drains a backlog beside them, in
/// turn, in the same schema.
pub(crate) async fn compare(url: &str, backlog: u64) -> Result<(), BoxError> {
    let schema = Schema::make(url, TALLY_TABLES).await?;
    let result = rounds(&schema, backlog).await;
    schema.drop().await?;
    let (mut alone, mut beside, drained) = result?;
    alone.sort_unstable();
    beside.sort_unstable();
    let (alone, beside) = (alone[ROUNDS / 2], beside[ROUNDS / 2]);
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let ratio = beside as f64 / alone.max(1) as f64;
    println!("| commits/s alone | beside a draining relay | ratio | drained meanwhile, events/s |");
    println!("|---:|---:|---:|---:|");
    println!("| {alone} | {beside} | {ratio:.2} | {drained} |");
    Ok(())
}

async fn rounds(schema: &Schema, backlog: u64) -> Result<(Vec<u64>, Vec<u64>, u64), BoxError> {
    let app = Application::new(schema.store(8).await?);
    let (mut alone, mut beside, mut drained) = (Vec::new(), Vec::new(), 0);
    commits(&app).await?;
    for _ in 0..ROUNDS {
        alone.push(commits(&app).await?);
        fill(schema, "idp_outbox", backlog).await?;
        let bus = Arc::new(Counting::default());
        let relays = ours::start(schema, 1, &bus).await?;
        bus.reaches(1).await;
        beside.push(commits(&app).await?);
        drained += bus.count() / ROUND.as_secs();
        for relay in relays {
            relay.stop().await?;
        }
    }
    Ok((alone, beside, drained / u64::try_from(ROUNDS)?))
}

/// Commits a second.
async fn commits(app: &Application) -> Result<u64, BoxError> {
    let done = Arc::new(AtomicU64::new(0));
    let mut writers: JoinSet<Result<Never, Error>> = JoinSet::new();
    for _ in 0..WRITERS {
        let (app, done) = (app.clone(), done.clone());
        writers.spawn(async move {
            loop {
                commit(&app).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let failed = tokio::select! {
        ended = writers.join_next() => ended,
        () = sleep(ROUND) => None,
    };
    match failed {
        Some(ended) => match ended?? {},
        None => Ok(done.load(Ordering::Relaxed) / ROUND.as_secs()),
    }
}

/// What never comes.
enum Never {}

async fn commit(app: &Application) -> Result<(), Error> {
    let context = Context::new(TenantId::new("acme").expect("valid"), Actor::new("bench"));
    let added = app.run(context, async |uow| {
        let mut tally = Tally::new(uow.new_id::<TallyId>());
        tally.count(1);
        uow.add(tally).map(drop)
    });
    added.await
}
