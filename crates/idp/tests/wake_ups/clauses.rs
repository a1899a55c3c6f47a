//! What holds with every step.

use crate::place::Place;
use idp_domain::EntityId;
use idp_testkit::TallyId;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::timeout;

/// One test for each clause, each with a place of its own.
macro_rules! each {
    ($place:expr) => {
        crate::clauses::each!($place;
            everything_committed_is_delivered_once_in_order,
            an_idle_relay_is_woken_by_each_commit,
            relays_that_come_and_go_share_the_lanes,
            a_parked_key_waits_alone_and_is_resumed_in_order,
            what_is_rolled_back_is_not_delivered,
        );
    };
    ($place:expr; $($clause:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $clause() {
            crate::clauses::$clause($place.await).await;
        })+
    };
}

pub(crate) use each;

/// All lanes of a database.
const LANES: u64 = 64;

const TENANTS: [&str; 2] = ["acme", "globex"];

pub(crate) async fn everything_committed_is_delivered_once_in_order(place: Place) {
    // Before a relay is there.
    let tallies = [place.tally(TENANTS[0], 3).await, place.tally(TENANTS[1], 25).await];
    let relay = place.relay(1).await;
    count_on(&place, &tallies, 10).await;
    place.events(28 + 2 * 10 * 3).await;
    relay.stop().await;
    place.end().await;
}

/// Both at the same time, and new ones between.
async fn count_on(place: &Place, tallies: &[TallyId; 2], rounds: u32) {
    let count = async |at: usize| {
        for _ in 0..rounds {
            place.count(TENANTS[at], tallies[at], 2).await;
            place.tally(TENANTS[at], 1).await;
        }
    };
    tokio::join!(count(0), count(1));
}

pub(crate) async fn an_idle_relay_is_woken_by_each_commit(place: Place) {
    let relay = place.relay(1).await;
    relay.lanes(LANES).await;
    let woken = wakes(&place, 20, crate::step::PATIENCE).await;
    assert_eq!(woken, Ok(()));
    relay.stop().await;
    place.end().await;
}

/// Commits once the commit before has been delivered; the error says how many were, when one is not
/// within that time.
pub(crate) async fn wakes(place: &Place, commits: usize, within: Duration) -> Result<(), usize> {
    let tally = place.tally(TENANTS[0], 1).await;
    for delivered in 0..commits {
        let arrived = timeout(within, place.recorder.wait_for_events(delivered + 1)).await;
        arrived.map_err(|_| delivered)?;
        place.count(TENANTS[0], tally, 1).await;
    }
    timeout(within, place.recorder.wait_for_events(commits + 1)).await.map_err(|_| commits)
}

pub(crate) async fn relays_that_come_and_go_share_the_lanes(place: Place) {
    let tallies = [place.tally(TENANTS[0], 1).await, place.tally(TENANTS[1], 1).await];
    let first = place.relay(1).await;
    first.lanes(LANES).await;
    count_on(&place, &tallies, 4).await;
    let second = place.relay(2).await;
    second.lanes(LANES / 2).await;
    first.lanes(LANES / 2).await;
    count_on(&place, &tallies, 8).await;
    place.events(2 + 12 * 2 * 3).await;
    first.stop().await;
    count_on(&place, &tallies, 4).await;
    second.lanes(LANES).await;
    place.events(2 + 16 * 2 * 3).await;
    second.stop().await;
    let history = place.recorder.history();
    let workers: HashSet<_> = history.deliveries.iter().map(|d| d.worker).collect();
    assert_eq!(workers.len(), 2, "both sent");
    place.end().await;
}

pub(crate) async fn a_parked_key_waits_alone_and_is_resumed_in_order(place: Place) {
    place.recorder.expect_gaps();
    let (bad, good) = (place.tally(TENANTS[0], 2).await, place.tally(TENANTS[0], 1).await);
    place.poison(&[bad.uuid()]);
    let relay = place.relay(1).await;
    place.parked(2).await;
    place.count(TENANTS[0], bad, 2).await;
    place.count(TENANTS[0], good, 3).await;
    place.events(4).await;
    let parked = place.parked(4).await;
    assert_eq!(place.recorder.history().deliveries.len(), 4, "nothing of the bad one");
    place.poison(&[]);
    place.resume(&parked).await;
    place.events(8).await;
    place.count(TENANTS[0], bad, 1).await;
    place.events(9).await;
    relay.stop().await;
    place.end().await;
}

pub(crate) async fn what_is_rolled_back_is_not_delivered(place: Place) {
    let relay = place.relay(1).await;
    let tally = place.tally(TENANTS[0], 1).await;
    for _ in 0..5 {
        place.count_too_late(TENANTS[0], tally).await;
    }
    place.events(6).await;
    // A commit behind them, so that whatever was to come has come.
    place.count(TENANTS[0], tally, 1).await;
    place.events(7).await;
    relay.stop().await;
    place.end().await;
}
