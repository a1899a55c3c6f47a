//! Who takes part in reading: workers that have joined not too long ago.

use crate::Harness;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::follower::{Follower, LONG, by_lane, whole};
use std::time::{Duration, Instant};

clauses! {
    macro outbox_membership of outbox::membership;
    a_worker_that_joins_counts_itself,
    a_worker_counts_once_however_often_it_joins,
    a_worker_counts_until_its_time_is_over,
    a_worker_that_joins_again_counts_for_longer,
    a_worker_that_gives_everything_back_counts_no_more,
    workers_of_other_readers_do_not_count,
    a_join_tells_how_many_lanes_there_are,
}

/// And everybody else.
pub async fn a_worker_that_joins_counts_itself<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let processes = [harness.backend(), harness.second_process().await];
    for expected in 1..=5 {
        let worker = Follower::idle(&processes[usize::from(expected) % 2], &reader);
        assert_eq!(worker.join(LONG).await.0, expected);
    }
}

/// Joining again is how it stays.
pub async fn a_worker_counts_once_however_often_it_joins<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let first = Follower::idle(&harness.backend(), &reader);
    let second = Follower::idle(&harness.backend(), &reader);
    for _ in 0..3 {
        first.join(LONG).await;
        assert_eq!(second.join(LONG).await.0, 2);
    }
}

/// By the clock of the database.
pub async fn a_worker_counts_until_its_time_is_over<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let short = Duration::from_millis(400);
    let first = Follower::idle(&harness.backend(), &reader);
    let second = Follower::idle(&harness.second_process().await, &reader);
    let joined = Instant::now();
    first.join(short).await;
    let tick = Duration::from_millis(1);
    if harness.advance_lease_clock(short - tick) {
        assert_eq!(second.join(LONG).await.0, 2);
        harness.advance_lease_clock(tick);
        assert_eq!(second.join(LONG).await.0, 1);
        return;
    }
    eventually("the first worker to be gone", async || {
        (second.join(LONG).await.0 == 1).then_some(())
    })
    .await;
    assert!(joined.elapsed() >= short, "it was gone after {:?}", joined.elapsed());
}

/// From then on, for the time that it says then.
pub async fn a_worker_that_joins_again_counts_for_longer<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let short = Duration::from_millis(400);
    let backend = harness.backend();
    let workers = [1, 2, 3].map(|_| Follower::idle(&backend, &reader));
    let [again, once, watching] = &workers;
    again.join(short).await;
    again.join(LONG).await;
    once.join(short).await;
    harness.advance_lease_clock(short);
    eventually("the worker that joined once to be gone", async || {
        (watching.join(LONG).await.0 == 2).then_some(())
    })
    .await;
}

/// When it has no lease left.
pub async fn a_worker_that_gives_everything_back_counts_no_more<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let mut first = Follower::idle(&harness.backend(), &reader);
    let second = Follower::idle(&harness.backend(), &reader);
    first.join(LONG).await;
    first.claim(3, LONG).await;
    let kept = first.leases.split_off(1);
    first.release().await;
    assert_eq!(second.join(LONG).await.0, 2, "it holds two lanes still");
    first.leases = kept;
    first.release().await;
    assert_eq!(second.join(LONG).await.0, 1);
    assert_eq!(first.join(LONG).await.0, 2, "it can come back");
    first.release().await;
    assert_eq!(second.join(LONG).await.0, 1, "it held nothing");
}

/// Each reader is shared out among its own.
pub async fn workers_of_other_readers_do_not_count<H: Harness>(harness: H) {
    let backend = harness.backend();
    for reader in [by_lane("first"), by_lane("second"), whole("third")] {
        assert_eq!(Follower::idle(&backend, &reader).join(LONG).await.0, 1);
    }
}

/// One for a reader of the whole.
pub async fn a_join_tells_how_many_lanes_there_are<H: Harness>(harness: H) {
    let backend = harness.backend();
    let (_, lanes) = Follower::idle(&backend, &whole("projector")).join(LONG).await;
    assert_eq!(lanes, 1);
    let (_, lanes) = Follower::idle(&backend, &by_lane("relay")).join(LONG).await;
    let follower = Follower::start(&backend, &by_lane("relay")).await;
    assert_eq!(follower.leases.len(), usize::from(lanes));
}
