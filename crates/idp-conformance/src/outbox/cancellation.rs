//! A call of a reader that is dropped, as when its worker is stopped, leaves the log usable.

use super::reading::ids;
use crate::Harness;
use crate::abandon::abandon_after;
use crate::clauses::clauses;
use crate::eventually::eventually;
use crate::fixture::{ann, application, count_on, given_counter};
use crate::follower::{Follower, LONG, by_lane, progress_of, whole};
use idp_application::Claim;
use std::time::Duration;

clauses! {
    macro outbox_cancellation of outbox::cancellation;
    a_read_dropped_at_any_await_point_loses_nothing,
    a_claim_dropped_at_any_await_point_holds_a_lane_no_longer_than_its_time,
    progress_dropped_at_any_await_point_is_recorded_or_not,
}

/// More often than any pool has connections.
const ROUNDS: u32 = 20;

/// A future of a store that is polled so often and does not end never will.
const POLLS_MAX: u32 = 1_000;

/// The next one starts where it started.
pub async fn a_read_dropped_at_any_await_point_loses_nothing<H: Harness>(harness: H) {
    let backend = harness.backend();
    let app = application(&backend);
    let id = given_counter(&app, &ann(), 1).await;
    for _ in 0..10 {
        count_on(&app, &ann(), id).await;
    }
    let mut follower = Follower::start(&backend, &by_lane("relay")).await;
    let start = follower.leases.clone();
    let all = ids(&follower.take(10).await);
    for _ in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let read = abandon_after(backend.read(&start, 100), polls).await;
            if let Some(read) = read {
                let events = read.expect("read").into_iter().flat_map(|batch| batch.events);
                let read: Vec<_> = events.map(|event| event.envelope.event_id).collect();
                assert_eq!(read, all);
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the read never ends");
        }
    }
    follower.leases = start;
    assert_eq!(ids(&follower.take(10).await), all);
}

/// Whether or not it was granted.
pub async fn a_claim_dropped_at_any_await_point_holds_a_lane_no_longer_than_its_time<H: Harness>(
    harness: H,
) {
    let backend = harness.backend();
    let mut patient = Follower::idle(&backend, &whole("projector"));
    let hasty = Follower::idle(&backend, &whole("projector"));
    patient.join(LONG).await;
    hasty.join(LONG).await;
    let lease_ttl = Duration::from_millis(1);
    let claim = Claim { worker: hasty.worker, lanes_max: 1, lease_ttl };
    let mut epoch = 0;
    for _ in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let ended = abandon_after(backend.claim(&hasty.reader, claim), polls).await;
            let lease = eventually("the lease to expire", async || {
                harness.advance_lease_clock(lease_ttl);
                patient.claim(1, LONG).await.first().copied()
            })
            .await;
            assert!(lease.epoch > epoch, "{} after {epoch}", lease.epoch);
            epoch = lease.epoch;
            patient.release().await;
            // None is given while one that was dropped before, and came late, has the lane for its time.
            if ended.is_some_and(|claimed| claimed.expect("claimed").len() == 1) {
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the claim never ends, or gives nothing");
        }
    }
}

/// And can be recorded again.
pub async fn progress_dropped_at_any_await_point_is_recorded_or_not<H: Harness>(harness: H) {
    let backend = harness.backend();
    let mut follower = Follower::start(&backend, &whole("projector")).await;
    for round in 0..ROUNDS {
        for polls in 0..POLLS_MAX {
            let before = follower.leases[0];
            let mut progress = [progress_of(&before)];
            progress[0].sequence += 1;
            progress[0].cursor.position += 1;
            let ended =
                abandon_after(backend.advance(&follower.reader, &progress, LONG), polls).await;
            let lease = follower.give_back_and_claim().await;
            let moved = lease.sequence - before.sequence;
            assert!(moved == 0 || moved == 1, "{before:?} became {lease:?}");
            assert_eq!(lease.cursor.position - before.cursor.position, moved);
            if let Some(held) = ended {
                assert_eq!((held.expect("recorded").len(), moved), (1, 1));
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "the call never ends");
        }
        assert!(follower.leases[0].sequence > i64::from(round));
    }
}
