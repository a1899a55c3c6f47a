//! How far a track is, and what was set aside on the way.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, labels, refused};
use idp_application::{DeadLetterAction, Lane, TenantTrack, TrackRecord};

clauses! {
    macro tenants_progress of tenants::progress;
    progress_of_a_track_is_recorded_with_what_was_set_aside,
    progress_of_a_track_leaves_its_lane_alone,
    progress_of_a_track_under_an_old_epoch_is_refused,
    progress_of_a_track_that_is_gone_is_refused,
    progress_of_a_track_that_arrives_late_changes_nothing,
}

/// A courier with the track of acme, and what is to record of it: three events, of which the first
/// was refused and its successor stands behind.
async fn three_done<H: Harness>(harness: &H) -> (Courier, TrackRecord) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut courier = Courier::start(&store).await;
    let track = courier.split_first("acme").await;
    let before = courier.follower.leases[0];
    let mut records =
        courier.sort(3, |e| (e.aggregate_id.as_u128() == 1).then(|| refused("no"))).await;
    courier.follower.leases[0] = before;
    let done = records.remove(0);
    let (cursor, sequence) = (done.progress.cursor, done.progress.sequence);
    let track = TenantTrack { cursor, sequence, ..track };
    (courier, TrackRecord { lane: before.lane, epoch: before.epoch, track, aside: done.aside })
}

async fn record(courier: &Courier, record: &TrackRecord) -> Vec<Lane> {
    let recorded =
        courier.store.record_tracks(courier.reader(), std::slice::from_ref(record)).await;
    recorded.expect("progress can be recorded")
}

/// Whoever comes next finds both.
pub async fn progress_of_a_track_is_recorded_with_what_was_set_aside<H: Harness>(harness: H) {
    let (courier, done) = three_done(&harness).await;
    assert_eq!(record(&courier, &done).await, [done.lane]);
    let next = courier.successor().await;
    assert_eq!(next.tracks().await.expect("held").tracks, [done.track]);
    assert_eq!(next.blocked().await, [(1, 2)]);
    assert_eq!(next.the_parked().await.events, 2);
}

/// It stands where it stood.
pub async fn progress_of_a_track_leaves_its_lane_alone<H: Harness>(harness: H) {
    let (courier, done) = three_done(&harness).await;
    record(&courier, &done).await;
    let next = courier.successor().await;
    assert_eq!(next.follower.leases[0].sequence, 0);
    assert_eq!(next.follower.leases[0].cursor, courier.follower.leases[0].cursor);
}

/// Nothing is set aside either.
pub async fn progress_of_a_track_under_an_old_epoch_is_refused<H: Harness>(harness: H) {
    let (zombie, done) = three_done(&harness).await;
    let owner = zombie.successor().await;
    assert_eq!(record(&zombie, &done).await, []);
    assert_eq!(owner.tracks().await.expect("held").tracks[0].sequence, 0);
    assert_eq!((owner.blocked().await, owner.parked().await), (vec![], vec![]));
}

/// Also when its tenant has another one by now.
pub async fn progress_of_a_track_that_is_gone_is_refused<H: Harness>(harness: H) {
    let (courier, done) = three_done(&harness).await;
    courier.try_merge(1, "acme").await.expect("held");
    assert_eq!(record(&courier, &done).await, []);
    let again = courier.try_split(2, "acme").await.expect("held");
    assert_eq!(record(&courier, &done).await, []);
    assert_eq!(courier.tracks().await, Some(again));
    assert_eq!((courier.blocked().await, courier.parked().await), (vec![], vec![]));
}

/// What was sent or discarded since is not set aside again, and no position moves back.
pub async fn progress_of_a_track_that_arrives_late_changes_nothing<H: Harness>(harness: H) {
    let (courier, done) = three_done(&harness).await;
    record(&courier, &done).await;
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "1:2")]));
    courier.settle(1, None).await;
    let first = TenantTrack { sequence: 1, ..done.track.clone() };
    for late in [done.clone(), TrackRecord { track: first, ..done.clone() }] {
        assert_eq!(record(&courier, &late).await, [done.lane]);
        let known = courier.tracks().await.expect("held").tracks;
        assert_eq!(known, std::slice::from_ref(&done.track));
        assert_eq!(courier.blocked().await, [(1, 1)]);
    }
    courier.settle(1, Some((2, "no"))).await;
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("it is parked");
    assert_eq!(record(&courier, &done).await, [done.lane]);
    assert_eq!(courier.blocked().await, []);
}
