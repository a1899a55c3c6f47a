//! The experiment: `create` and `dispatch` of a route plan by the unit of work, beside the same row
//! work written by hand.
//!
//! Within a round the contenders of a cell follow one another directly, and each round begins with
//! another of them. Each measurement has tables of its own making, connections of its own, and a
//! warm-up. Nothing here fails because something was slow: the figures are to be looked at.

mod aims;
mod by_hand;
mod cell;
mod contender;
mod options;
mod place;
mod postgres;
mod report;
mod results;
mod route_plan;
mod sample;
mod sqlite;
mod unit_of_work;
mod workload;

use crate::{BoxError, machine};
use cell::{Cell, written_by};
use options::Options;
use place::Place;
use results::{Key, Results};
use workload::UseCase;

/// The contender that the others are compared with.
const UNIT_OF_WORK: &str = "idp";

const TASKS: [usize; 3] = [1, 8, 32];

const USE_CASES: [UseCase; 2] = [UseCase::Dispatch, UseCase::Create];

const DATABASE_VARIABLE: &str = "IDP_TEST_PG";

pub(crate) fn run(options: &[&str]) -> Result<(), BoxError> {
    let options = Options::parse(options)?;
    let url = std::env::var(DATABASE_VARIABLE).map_err(|_| {
        format!(
            "{DATABASE_VARIABLE} names no PostgreSQL. To start one for the run:\n  \
             cargo xtask pg -- cargo run --release -p bench -- write-path"
        )
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(experiment(&url, &options))
}

async fn experiment(url: &str, options: &Options) -> Result<(), BoxError> {
    let server = postgres::Server::prepare(url).await?;
    let result = compete(&server, options).await;
    server.clean_up().await?;
    result
}

async fn compete(
    server: &std::sync::Arc<postgres::Server>,
    options: &Options,
) -> Result<(), BoxError> {
    let mut facts = machine::describe();
    facts.extend(server.describe().await?);
    facts.push(("SQLite", format!("{}, WAL, synchronous = FULL", sqlite::Sqlite::version())));
    let [near, far] = server.places()?;
    let places: [Box<dyn Place>; 3] = [near, far, Box::new(sqlite::Sqlite::prepare()?)];
    for place in &places {
        check_equal_work(&**place).await?;
    }
    let mut results = Results::default();
    for round in 0..options.rounds {
        eprintln!("round {} of {}, load {}", round + 1, options.rounds, machine::load());
        for place in &places {
            measure_place(&**place, round, options, &mut results).await?;
        }
    }
    facts.push(("load when it ended", machine::load()));
    facts.push(("rounds", options.rounds.to_string()));
    println!("{}", report::markdown(&facts, &places, &results)?);
    Ok(())
}

/// Fails when a contender leaves other rows than the unit of work: it would not do the same work.
async fn check_equal_work(place: &dyn Place) -> Result<(), BoxError> {
    for use_case in USE_CASES {
        let expected = written_by(place, UNIT_OF_WORK, use_case).await?;
        for contender in place.contenders() {
            let written = written_by(place, contender, use_case).await?;
            if written != expected {
                let (place, use_case) = (place.title(), use_case.name());
                return Err(format!(
                    "{place}, {use_case}: {contender} wrote\n{written}\nthe unit of work\n{expected}"
                )
                .into());
            }
        }
    }
    Ok(())
}

async fn measure_place(
    place: &dyn Place,
    round: usize,
    options: &Options,
    results: &mut Results,
) -> Result<(), BoxError> {
    let contenders = place.contenders();
    for use_case in USE_CASES {
        for tasks in TASKS {
            for turn in 0..contenders.len() {
                let contender = contenders[(round + turn) % contenders.len()];
                let key = Key { place: place.title(), use_case, tasks, contender };
                if !options.wants(&title(key)) {
                    continue;
                }
                let operations = place.operations(tasks) / if options.quick { 10 } else { 1 };
                let cell = Cell { use_case, tasks, contender, operations };
                results.push(key, cell.measure(place).await?);
            }
        }
    }
    Ok(())
}

fn title(Key { place, use_case, tasks, contender }: Key) -> String {
    format!("{place}, {}, {tasks} tasks, {contender}", use_case.name())
}
