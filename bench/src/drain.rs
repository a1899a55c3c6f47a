//! The experiment: a backlog is drained to a bus that only counts, by idp's relay, by the relay of
//! the textbook (`FOR UPDATE SKIP LOCKED`, publish, set the status), and by nobody: the bare reading of
//! the log in the order of positions, which is the limit.
//!
//! All read the same columns of the same events, make the same messages of them and give at most 500 at once
//! to the same bus. They are connected, and their statements prepared, before the
//! time counts; it ends when everything is recorded. The textbook's table is its own: a status column and a
//! partial index on what is new. Of a large backlog it drains a part, and its rate is that of the part, which
//! flatters it: what it leaves behind slows it down the longer it drains.

mod aims;
mod backlog;
mod bare;
mod contender;
mod counting;
mod fairness;
mod followed;
mod message;
mod options;
mod ours;
mod postgres;
mod report;
mod results;
mod sqlite;
mod textbook;
mod writers;

use crate::{BoxError, machine};
use options::Options;
use results::Results;

/// How many events are read and sent at once, by all contenders.
const BATCH: u32 = 500;

/// How many events the bare read takes at once: as many as idp's relay takes at the most, on a backlog.
const PAGE: u32 = 8 * BATCH;

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
    let mut facts = machine::describe();
    facts.extend(postgres::facts(url).await?);
    let start = std::time::Instant::now();
    let mut results = Results::default();
    for backlog in &options.backlogs {
        postgres::measure(url, *backlog, options, &mut results).await?;
        sqlite::measure(*backlog, options, &mut results).await?;
    }
    let writers = match options.wants("writers") {
        true => writers::compare(url, &options.writers).await?,
        false => Vec::new(),
    };
    let floods = match options.wants("fairness") {
        true => fairness::compare(url, options.flood).await?,
        false => Vec::new(),
    };
    let followed = match options.wants("followed") {
        true => vec![followed::compare(url, options.followed).await?],
        false => Vec::new(),
    };
    facts.push(("load when it ended", machine::load()));
    facts.push(("events of a batch", BATCH.to_string()));
    facts.push(("the run took", format!("{} s", start.elapsed().as_secs())));
    report::facts(&facts);
    report::aims(&results, &writers);
    report::drains(&results);
    report::writers(&writers);
    report::floods(&floods);
    report::followed(&followed);
    Ok(())
}
