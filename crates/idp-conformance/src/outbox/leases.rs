//! Who may read a lane: one worker at a time, for a time, under an epoch.

use crate::Harness;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::fixture::{ann, application, count_on, given_counter};
use crate::follower::{Follower, LONG, by_lane, progress_of, whole};
use idp_application::{Backend, Lane, LaneLease};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

clauses! {
    macro outbox_leases of outbox::leases;
    a_lane_is_given_to_one_worker,
    workers_that_claim_at_once_share_the_lanes,
    a_claim_takes_the_lowest_lanes_first,
    the_whole_log_has_one_lease,
    the_leases_of_readers_are_apart,
    a_claim_raises_the_epoch,
    a_lease_can_be_claimed_after_its_time_and_not_before,
    progress_renews_a_lease,
    progress_under_an_old_epoch_is_refused_and_changes_nothing,
    progress_that_arrives_late_moves_no_position_back,
    a_worker_keeps_the_lanes_that_nobody_took,
    a_released_lane_can_be_claimed_at_once,
    progress_after_a_release_is_refused,
    a_release_under_an_old_epoch_frees_nothing,
}

/// Short enough to wait for where the clock cannot be moved, long enough to notice an expiry that
/// comes too early.
const SHORT: Duration = Duration::from_millis(400);

/// Fails unless the follower gets a lease exactly when `ttl` has passed since `granted`, which is
/// before the request that granted or renewed it was sent.
async fn claims_after<H: Harness>(
    harness: &H,
    follower: &mut Follower,
    granted: Instant,
    ttl: Duration,
) -> Vec<LaneLease> {
    let tick = Duration::from_millis(1);
    if harness.advance_lease_clock(ttl - tick) {
        assert_eq!(follower.claim(u16::MAX, LONG).await, [], "the lease was not over");
        harness.advance_lease_clock(tick);
        return follower.claim(u16::MAX, LONG).await;
    }
    let claimed = eventually("a lease that expires", async || {
        Some(follower.claim(u16::MAX, LONG).await).filter(|claimed| !claimed.is_empty())
    })
    .await;
    assert!(granted.elapsed() >= ttl, "the lease was not over after {:?}", granted.elapsed());
    claimed
}

fn lanes_of(leases: &[LaneLease]) -> Vec<Lane> {
    leases.iter().map(|lease| lease.lane).collect()
}

/// Two workers of the whole log, who both have joined; the first has the lease, for that long.
async fn two_workers<H: Harness>(harness: &H, ttl: Duration) -> (Follower, Follower) {
    let reader = whole("reader");
    let mut first = Follower::idle(&harness.backend(), &reader);
    let second = Follower::idle(&harness.second_process().await, &reader);
    first.join(LONG).await;
    second.join(LONG).await;
    assert_eq!(lanes_of(&first.claim(1, ttl).await), [Lane::WHOLE]);
    (first, second)
}

/// And to no other, however often they ask.
pub async fn a_lane_is_given_to_one_worker<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let mut first = Follower::idle(&harness.backend(), &reader);
    let mut second = Follower::idle(&harness.second_process().await, &reader);
    let (_, lanes) = first.join(LONG).await;
    second.join(LONG).await;
    first.claim(lanes / 2, LONG).await;
    second.claim(u16::MAX, LONG).await;
    for follower in [&mut first, &mut second] {
        assert_eq!(follower.claim(u16::MAX, LONG).await, [], "there are none left");
    }
    assert_eq!(first.leases.len(), usize::from(lanes / 2));
    let all: BTreeSet<_> = first.leases.iter().chain(&second.leases).map(|l| l.lane).collect();
    assert_eq!(all.len(), usize::from(lanes), "each lane is held");
    assert_eq!(first.leases.len() + second.leases.len(), usize::from(lanes), "by one worker");
}

/// Eight workers in two processes, at the same instant.
pub async fn workers_that_claim_at_once_share_the_lanes<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let processes = [harness.backend(), harness.second_process().await];
    let (_, lanes) = Follower::idle(&processes[0], &reader).join(LONG).await;
    let tasks: Vec<_> = (0..8)
        .map(|worker| {
            let mut follower = Follower::idle(&processes[worker % 2], &reader);
            tokio::spawn(async move {
                follower.join(LONG).await;
                for _ in 0..10 {
                    follower.claim(2, LONG).await;
                }
                follower.leases
            })
        })
        .collect();
    let mut held = Vec::new();
    for task in tasks {
        held.extend(lanes_of(&task.await.expect("no worker fails")));
    }
    let distinct: BTreeSet<_> = held.iter().copied().collect();
    assert_eq!(distinct.len(), held.len(), "a lane is held by two workers");
    assert_eq!(held.len(), usize::from(lanes).min(160));
}

/// As many as it asks for, at most.
pub async fn a_claim_takes_the_lowest_lanes_first<H: Harness>(harness: H) {
    let mut follower = Follower::idle(&harness.backend(), &by_lane("relay"));
    follower.join(LONG).await;
    let lanes = |range: std::ops::Range<i16>| range.map(Lane::from_number).collect::<Vec<_>>();
    assert_eq!(lanes_of(&follower.claim(3, LONG).await), lanes(0..3));
    assert_eq!(lanes_of(&follower.claim(2, LONG).await), lanes(3..5));
    assert_eq!(lanes_of(&follower.claim(0, LONG).await), []);
    let second = follower.leases[1];
    follower.leases = vec![second];
    follower.release().await;
    assert_eq!(lanes_of(&follower.claim(2, LONG).await), [1, 5].map(Lane::from_number));
}

/// For all of its workers.
pub async fn the_whole_log_has_one_lease<H: Harness>(harness: H) {
    let (first, mut second) = two_workers(&harness, LONG).await;
    let (workers_live, lanes) = first.join(LONG).await;
    assert_eq!((workers_live, lanes), (2, 1));
    assert_eq!(second.claim(u16::MAX, LONG).await, []);
}

/// One reader holds no other up.
pub async fn the_leases_of_readers_are_apart<H: Harness>(harness: H) {
    let backend = harness.backend();
    let first = Follower::start(&backend, &by_lane("first")).await;
    let second = Follower::start(&backend, &by_lane("second")).await;
    let third = Follower::start(&backend, &whole("third")).await;
    assert_eq!(lanes_of(&first.leases), lanes_of(&second.leases));
    assert_eq!(lanes_of(&third.leases), [Lane::WHOLE]);
}

/// Whoever claims, and how the lane became free.
pub async fn a_claim_raises_the_epoch<H: Harness>(harness: H) {
    let (mut first, mut second) = two_workers(&harness, LONG).await;
    let mut epoch = first.leases[0].epoch;
    for _ in 0..3 {
        for (from, to) in [(0, 1), (1, 0), (0, 0)] {
            let workers = [&mut first, &mut second];
            workers[from].release().await;
            let claimed = workers[to].claim(1, LONG).await[0];
            assert!(claimed.epoch > epoch, "{} after {epoch}", claimed.epoch);
            epoch = claimed.epoch;
        }
    }
}

/// The clock of the database decides.
pub async fn a_lease_can_be_claimed_after_its_time_and_not_before<H: Harness>(harness: H) {
    let granted = Instant::now();
    let (first, mut second) = two_workers(&harness, SHORT).await;
    let claimed = claims_after(&harness, &mut second, granted, SHORT).await;
    assert!(claimed[0].epoch > first.leases[0].epoch);
}

/// Also progress that is none.
pub async fn progress_renews_a_lease<H: Harness>(harness: H) {
    let (first, mut second) = two_workers(&harness, LONG).await;
    let renewed = Instant::now();
    let ttl = SHORT * 2;
    assert_eq!(first.advance(ttl).await, [Lane::WHOLE]);
    claims_after(&harness, &mut second, renewed, ttl).await;
    assert_eq!(first.advance(LONG).await, [], "and then it is lost");
}

/// A log with six events of one counter.
async fn six_events(backend: &Arc<dyn Backend>) {
    let app = application(backend);
    let id = given_counter(&app, &ann(), 1).await;
    for _ in 0..6 {
        count_on(&app, &ann(), id).await;
    }
}

/// Neither the position, nor the lease of the new owner.
pub async fn progress_under_an_old_epoch_is_refused_and_changes_nothing<H: Harness>(harness: H) {
    six_events(&harness.backend()).await;
    let (mut first, mut second) = two_workers(&harness, LONG).await;
    first.take(2).await;
    let granted = Instant::now();
    assert_eq!(first.advance(SHORT).await, [Lane::WHOLE]);
    let recorded = first.leases[0];
    first.take(2).await;
    let claimed = claims_after(&harness, &mut second, granted, SHORT).await;
    assert_eq!((claimed[0].cursor, claimed[0].sequence), (recorded.cursor, recorded.sequence));

    assert_eq!(first.advance(LONG).await, [], "it has lost the lane");
    second.take(1).await;
    assert_eq!(second.advance(LONG).await, [Lane::WHOLE]);
    first.take(2).await;
    assert_eq!(first.advance(Duration::ZERO).await, [], "it has lost the lane");
    let mut third = Follower::idle(&harness.backend(), &whole("reader"));
    third.join(LONG).await;
    assert_eq!(third.claim(1, LONG).await, [], "the lease of the new owner holds");
    second.release().await;
    let lease = third.claim(1, LONG).await[0];
    assert_eq!(lease.sequence, 3, "what the new owner recorded");
    assert_eq!(third.take(3).await[0].1.envelope.payload, r#"{"to":4}"#);
}

/// As when the client gave a call up and made another, and the first arrives after it.
pub async fn progress_that_arrives_late_moves_no_position_back<H: Harness>(harness: H) {
    six_events(&harness.backend()).await;
    let (mut first, mut second) = two_workers(&harness, LONG).await;
    first.take(2).await;
    let late = first.leases.clone();
    first.take(2).await;
    assert_eq!(first.advance(LONG).await, [Lane::WHOLE]);
    first.leases = late;
    assert_eq!(first.advance(LONG).await, [Lane::WHOLE], "the lease is its own");
    first.release().await;
    let lease = second.claim(1, LONG).await[0];
    assert_eq!(lease.sequence, 4, "what was recorded first");
    assert_eq!(second.take(2).await[0].1.envelope.payload, r#"{"to":5}"#);
}

/// When it has lost others.
pub async fn a_worker_keeps_the_lanes_that_nobody_took<H: Harness>(harness: H) {
    let reader = by_lane("relay");
    let mut first = Follower::idle(&harness.backend(), &reader);
    let mut second = Follower::idle(&harness.backend(), &reader);
    first.join(LONG).await;
    second.join(LONG).await;
    first.claim(4, LONG).await;
    let mine = first.leases.clone();
    first.leases = vec![mine[1], mine[3]];
    first.release().await;
    second.claim(2, LONG).await;
    assert_eq!(lanes_of(&second.leases), [mine[1].lane, mine[3].lane]);
    first.leases = mine.clone();
    let held: BTreeSet<_> = first.advance(LONG).await.into_iter().collect();
    assert_eq!(held, BTreeSet::from([mine[0].lane, mine[2].lane]));
    assert_eq!(second.advance(LONG).await.len(), 2);
}

/// By another worker, at the recorded place.
pub async fn a_released_lane_can_be_claimed_at_once<H: Harness>(harness: H) {
    six_events(&harness.backend()).await;
    let (mut first, mut second) = two_workers(&harness, LONG).await;
    first.take(4).await;
    first.advance(LONG).await;
    first.release().await;
    let claimed = second.claim(1, LONG).await;
    assert_eq!(lanes_of(&claimed), [Lane::WHOLE]);
    assert_eq!(claimed[0].sequence, 4);
}

/// The lane is nobody's, so nobody has it still.
pub async fn progress_after_a_release_is_refused<H: Harness>(harness: H) {
    six_events(&harness.backend()).await;
    let (mut first, mut second) = two_workers(&harness, LONG).await;
    first.take(2).await;
    let late = [progress_of(&first.leases[0])];
    first.release().await;
    let held = first.backend.advance(&first.reader, &late, LONG).await.expect("no failure");
    assert_eq!(held, []);
    let claimed = second.claim(1, LONG).await;
    assert_eq!(lanes_of(&claimed), [Lane::WHOLE], "the lease was not renewed");
    assert_eq!(claimed[0].sequence, 0, "the position did not move");
}

/// A worker that was taken for dead cannot give away what another has.
pub async fn a_release_under_an_old_epoch_frees_nothing<H: Harness>(harness: H) {
    let granted = Instant::now();
    let (mut first, mut second) = two_workers(&harness, SHORT).await;
    claims_after(&harness, &mut second, granted, SHORT).await;
    first.release().await;
    let mut third = Follower::idle(&harness.backend(), &whole("reader"));
    third.join(LONG).await;
    assert_eq!(third.claim(1, LONG).await, []);
    assert_eq!(second.advance(LONG).await, [Lane::WHOLE]);
}
