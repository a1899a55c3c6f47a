//! Where a track begins and ends, and under which epoch and revision.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, count_for};
use idp_application::{LaneTracks, TenantTrack, TrackRecord};

clauses! {
    macro tenants_tracks of tenants::tracks;
    a_split_begins_a_track_where_the_recorded_position_stands,
    a_split_that_comes_twice_changes_nothing,
    a_split_under_another_revision_changes_nothing,
    a_split_under_an_old_epoch_is_fenced,
    the_next_owner_finds_the_tracks,
    a_merge_ends_a_track_that_has_the_number_of_its_lane,
    a_merge_of_a_track_with_another_number_changes_nothing,
    a_merge_that_arrives_late_ends_no_other_track,
    a_merge_under_an_old_epoch_is_fenced,
    the_tracks_of_a_lost_lane_are_not_told,
}

/// Not where the worker has read to.
pub async fn a_split_begins_a_track_where_the_recorded_position_stands<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(2, &[]).await;
    let recorded = courier.follower.leases[0];
    courier.sort(1, |_| None).await;
    let track = courier.split_first("acme").await;
    assert_eq!((track.cursor, track.sequence), (recorded.cursor, 2));
    assert_eq!(track.tenant, crate::fixture::tenant("acme"));
    let both = courier.try_split(1, "globex").await.expect("held");
    assert_eq!(both.revision, 2);
    assert!(both.tracks[1].generation > track.generation, "{both:?}");
}

/// As when the answer was lost. The track has gone on meanwhile.
pub async fn a_split_that_comes_twice_changes_nothing<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.split_first("acme").await;
    let moved = moved(&mut courier, 2).await;
    for revision in [0, 1] {
        let known = courier.try_split(revision, "acme").await.expect("held");
        assert_eq!(
            known,
            LaneTracks { lane: known.lane, revision: 1, tracks: vec![moved.clone()] }
        );
    }
}

/// Moves the track of acme, alone, over so many events.
async fn moved(courier: &mut Courier, events: usize) -> TenantTrack {
    let before = courier.follower.leases[0];
    let known = courier.tracks().await.expect("held");
    let records = courier.sort(events, |_| None).await;
    let progress = records[0].progress;
    courier.follower.leases[0] = before;
    let (cursor, sequence) = (progress.cursor, progress.sequence);
    let track = TenantTrack { cursor, sequence, ..known.tracks[0].clone() };
    let record =
        TrackRecord { lane: before.lane, epoch: before.epoch, track: track.clone(), aside: vec![] };
    let recorded = courier.store.record_tracks(courier.reader(), &[record]).await;
    assert_eq!(recorded.expect("progress can be recorded"), [before.lane]);
    track
}

/// So a request that was given up and arrives late does not split what goes on together.
pub async fn a_split_under_another_revision_changes_nothing<H: Harness>(harness: H) {
    let store = harness.backend();
    let courier = Courier::start(&store).await;
    courier.split_first("acme").await;
    let merged = courier.try_merge(1, "acme").await.expect("held");
    assert_eq!((merged.revision, merged.tracks.len()), (2, 0));
    for old in [0, 1, 3] {
        assert_eq!(courier.try_split(old, "acme").await, Some(merged.clone()));
        assert_eq!(courier.try_split(old, "globex").await, Some(merged.clone()));
    }
    assert_eq!(courier.tracks().await, Some(merged));
}

/// And changes nothing.
pub async fn a_split_under_an_old_epoch_is_fenced<H: Harness>(harness: H) {
    let store = harness.backend();
    let zombie = Courier::start(&store).await;
    let owner = zombie.successor().await;
    assert_eq!(zombie.try_split(0, "acme").await, None);
    let known = owner.tracks().await.expect("held");
    assert_eq!((known.revision, known.tracks.len()), (0, 0));
}

/// With their positions.
pub async fn the_next_owner_finds_the_tracks<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.split_first("acme").await;
    let track = moved(&mut courier, 2).await;
    let next = courier.successor().await;
    assert_eq!(next.follower.leases[0].sequence, 0, "the lane itself did not move");
    let known = next.tracks().await.expect("held");
    assert_eq!((known.revision, &known.tracks[..]), (1, &[track][..]));
}

/// The lane goes on behind the further one of both cursors.
pub async fn a_merge_ends_a_track_that_has_the_number_of_its_lane<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1]).await;
    count_for(&store, "globex", &[1]).await;
    let mut courier = Courier::start(&store).await;
    courier.split_first("acme").await;
    let track = moved(&mut courier, 2).await;
    courier.set_aside(2, &[]).await;
    let merged = courier.try_merge(1, "acme").await.expect("held");
    assert_eq!((merged.revision, merged.tracks.len()), (2, 0));
    let next = courier.successor().await;
    assert_eq!(next.follower.leases[0].sequence, 2);
    assert!(next.follower.leases[0].cursor >= track.cursor);
    assert_eq!(next.tracks().await, Some(merged));
}

/// Whether it is behind or ahead.
pub async fn a_merge_of_a_track_with_another_number_changes_nothing<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.split_first("acme").await;
    moved(&mut courier, 2).await;
    let ahead = courier.tracks().await;
    assert_eq!(courier.try_merge(1, "acme").await, ahead);
    assert_eq!(courier.try_merge(1, "globex").await, ahead, "it has no track");
    courier.set_aside(2, &[]).await;
    count(&store, &[1]).await;
    courier.set_aside(1, &[]).await;
    assert_eq!(courier.try_merge(1, "acme").await, ahead, "it is behind now");
}

/// Not even one of the same tenant that was begun since.
pub async fn a_merge_that_arrives_late_ends_no_other_track<H: Harness>(harness: H) {
    let store = harness.backend();
    let courier = Courier::start(&store).await;
    courier.split_first("acme").await;
    courier.try_merge(1, "acme").await.expect("held");
    let again = courier.try_split(2, "acme").await.expect("held");
    assert_eq!((again.revision, again.tracks.len()), (3, 1));
    assert_eq!(courier.try_merge(1, "acme").await, Some(again.clone()));
    assert_eq!(courier.tracks().await, Some(again));
}

/// And changes nothing.
pub async fn a_merge_under_an_old_epoch_is_fenced<H: Harness>(harness: H) {
    let store = harness.backend();
    let zombie = Courier::start(&store).await;
    zombie.split_first("acme").await;
    let owner = zombie.successor().await;
    assert_eq!(zombie.try_merge(1, "acme").await, None);
    let known = owner.tracks().await.expect("held");
    assert_eq!((known.revision, known.tracks.len()), (1, 1));
}

/// They may be others by now.
pub async fn the_tracks_of_a_lost_lane_are_not_told<H: Harness>(harness: H) {
    let store = harness.backend();
    let zombie = Courier::start(&store).await;
    assert!(zombie.tracks().await.is_some());
    let owner = zombie.successor().await;
    assert_eq!(zombie.tracks().await, None);
    assert!(owner.tracks().await.is_some());
}
