//! All steps at the same time over the same log: each target gets the same events under the same
//! numbers.

use crate::database::Kind;
use crate::place::Place;
use crate::step::{PATIENCE, Step};
use idp_domain::Uuid;
use idp_testkit::Recorder;
use std::collections::BTreeMap;
use tokio::time::timeout;

const TALLIES: usize = 6;
const ROUNDS: usize = 10;

/// The event under each number of each lane.
type Numbered = BTreeMap<(i16, i64), Uuid>;

async fn every_step_gives_the_same_numbers(name: &str, kind: Kind, steps: &[Step]) {
    // The place's own step: NOTIFY asks the writer to tell, and no other minds.
    let own = if kind == Kind::Postgres { Step::Notify } else { Step::InProcess };
    let place = Place::start(name, own, kind).await;
    let mut relays = Vec::new();
    for (number, step) in (1..).zip(steps) {
        let recorder = Recorder::new(step.config().batch_size);
        let target = format!("target-{number}");
        let relay = place.relay_to(&target, number, step, &recorder).await;
        relays.push((relay, recorder));
    }
    let writers = (0..TALLIES).map(|at| {
        let tallying = (*place).clone();
        tokio::spawn(async move {
            let tenant = ["acme", "globex", "initech"][at % 3];
            let tally = tallying.tally(tenant, 1).await;
            for _ in 0..ROUNDS {
                tallying.count(tenant, tally, 2).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        timeout(PATIENCE, writer).await.expect("in time").expect("no panic");
    }
    let mut orders = Vec::new();
    for (relay, recorder) in relays {
        let events = TALLIES * (1 + 2 * ROUNDS);
        let arrived = timeout(PATIENCE, recorder.wait_for_events(events)).await;
        arrived.expect("every target gets everything");
        relay.stop().await;
        let deliveries = recorder.history().deliveries;
        assert_eq!(deliveries.len(), events, "each once");
        let order = deliveries.iter().map(|d| ((d.lane, d.sequence), d.event));
        orders.push(order.collect::<Numbered>());
    }
    assert_eq!(orders[0].len(), TALLIES * (1 + 2 * ROUNDS), "no number is given twice");
    assert!(orders.windows(2).all(|two| two[0] == two[1]), "{orders:#?}");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_four_steps_on_postgres_give_the_same_numbers() {
    let steps = [Step::InProcess, Step::Notify, Step::Cdc, Step::Polling];
    every_step_gives_the_same_numbers("same_order", Kind::Postgres, &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_steps_on_sqlite_give_the_same_numbers() {
    let steps = [Step::InProcess, Step::Polling];
    every_step_gives_the_same_numbers("same_order", Kind::Sqlite, &steps).await;
}
