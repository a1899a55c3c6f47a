//! How far a lane is, and what was set aside on the way: recorded together, and once.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, key, labels, refused};
use crate::eventually::eventually;
use crate::fixture::{ann, application, count_on, given_counter};
use crate::follower::{Follower, LONG, progress_of};
use idp_application::{AsideReason, DeadLetterAction, Lane, LaneRecord};
use idp_domain::Timestamp;
use std::time::Duration;

clauses! {
    macro deliveries_recording of deliveries::recording;
    progress_and_what_was_set_aside_are_recorded_together,
    under_an_old_epoch_neither_is_recorded,
    a_record_of_several_lanes_is_refused_for_the_lost_ones_only,
    a_record_without_anything_set_aside_is_progress,
    recording_the_same_again_changes_nothing,
    a_record_that_arrives_late_changes_nothing,
    what_was_sent_is_not_set_aside_again_by_a_late_record,
    what_was_discarded_is_not_set_aside_again_by_a_late_record,
    a_record_that_tells_more_sets_aside_what_is_new,
    what_is_set_aside_comes_back_unchanged,
    with_nothing_set_aside_nothing_is_due,
}

/// The reasons of most clauses: the first counter is parked with two events.
fn one_parked() -> [(&'static str, AsideReason); 2] {
    [("1:1", refused("too large")), ("1:2", AsideReason::Behind)]
}

/// Whoever comes next finds both.
pub async fn progress_and_what_was_set_aside_are_recorded_together<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1, 2]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(4, &one_parked()).await;
    let next = courier.successor().await;
    assert_eq!(next.follower.leases[0].sequence, 4);
    assert_eq!(next.follower.leases[0].cursor, courier.follower.leases[0].cursor);
    assert_eq!(next.blocked().await, [(1, 2)]);
    let events = next.events(1).await;
    assert_eq!(events, [("1:1".to_owned(), false), ("1:2".to_owned(), false)]);
}

/// Not even the part that would have been right.
pub async fn under_an_old_epoch_neither_is_recorded<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut zombie = Courier::start(&store).await;
    let late = zombie.sort(3, |_| Some(refused("by the zombie"))).await;
    let owner = zombie.successor().await;
    assert_eq!(zombie.record(&late).await, [], "it has lost the lane");
    assert_eq!(owner.blocked().await, []);
    assert_eq!(owner.parked().await, []);
    assert_eq!(owner.due(10).await, Default::default());
    let next = owner.successor().await;
    assert_eq!(next.follower.leases[0].sequence, 0, "the position did not move");
}

/// What it says of the others is recorded.
pub async fn a_record_of_several_lanes_is_refused_for_the_lost_ones_only<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 3, 4]).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    let records = courier.sort(4, |_| Some(refused("all of it"))).await;
    let with_news = |record: &&LaneRecord| !record.aside.is_empty();
    let lost = records.iter().find(with_news).expect("four events").progress.lane;
    let lease = courier.follower.leases.iter().find(|lease| lease.lane == lost);
    let lease = *lease.expect("it has the lane");
    let released = store.release(courier.reader(), courier.follower.worker, &[lease]).await;
    released.expect("a lease can be given back");

    let held = courier.record(&records).await;
    assert_eq!(held.len(), courier.lanes().len() - 1);
    assert!(!held.contains(&lost));
    let kept = records.iter().filter(|record| record.progress.lane != lost);
    let kept: usize = kept.map(|record| record.aside.len()).sum();
    let blocked = courier.blocked_keys().await;
    assert_eq!(blocked.len(), kept, "{blocked:?}");
    assert!(blocked.iter().all(|blocked| blocked.lane != lost), "{blocked:?}");
}

/// As `advance` is: it renews the lease, moves on, and never back.
pub async fn a_record_without_anything_set_aside_is_progress<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1, 2]).await;
    let mut courier = Courier::start(&store).await;
    let early = courier.sort(2, |_| None).await;
    let late = courier.sort(1, |_| None).await;
    assert_eq!(courier.record(&late).await, [Lane::WHOLE]);
    assert_eq!(courier.record(&early).await, [Lane::WHOLE], "the lease is its own");
    assert_eq!(store.record(courier.reader(), &[], LONG).await.expect("nothing to do"), []);
    let next = courier.successor().await;
    assert_eq!(next.follower.leases[0].sequence, 3);
    assert_eq!(courier.record(&late).await, [], "after a release it is refused");

    let short = Duration::from_millis(1);
    let progress = next.follower.leases.iter().map(progress_of);
    let records: Vec<_> = progress.map(|progress| LaneRecord { progress, aside: vec![] }).collect();
    let held = store.record(next.reader(), &records, short).await.expect("recorded");
    assert_eq!(held, [Lane::WHOLE]);
    let mut third = Follower::idle(&next.follower.backend, next.reader());
    eventually("a lease renewed for a moment to be over", async || {
        harness.advance_lease_clock(short);
        third.claim(1, LONG).await.first().copied()
    })
    .await;
}

/// As when the answer was lost.
pub async fn recording_the_same_again_changes_nothing<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut courier = Courier::start(&store).await;
    let records = courier.set_aside(3, &one_parked()).await;
    let before = courier.the_parked().await;
    assert_eq!(before.attempts, 1);
    for _ in 0..3 {
        assert_eq!(courier.record(&records).await, [Lane::WHOLE]);
    }
    assert_eq!(courier.the_parked().await, before);
    assert_eq!(courier.blocked().await, [(1, 2)]);
}

/// After another that told more.
pub async fn a_record_that_arrives_late_changes_nothing<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut courier = Courier::start(&store).await;
    let mut early = courier.sort(1, |_| Some(refused("too large"))).await;
    let mut later =
        courier.sort(2, |e| (e.aggregate_version == 3).then_some(AsideReason::Behind)).await;
    let first = early[0].aside[0].clone();
    later[0].aside.insert(0, first);
    assert_eq!(courier.record(&later).await, [Lane::WHOLE]);
    let before = courier.the_parked().await;
    assert_eq!(courier.record(&early).await, [Lane::WHOLE], "the lease is its own");
    early[0].aside[0].reason = refused("something else");
    assert_eq!(courier.record(&early).await, [Lane::WHOLE], "the lease is its own");
    assert_eq!(courier.the_parked().await, before);
    assert_eq!(courier.blocked().await, [(1, 2)]);
    assert_eq!(courier.successor().await.follower.leases[0].sequence, 3);
}

/// An event must not be sent a second time because a packet was slow.
pub async fn what_was_sent_is_not_set_aside_again_by_a_late_record<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut courier = Courier::start(&store).await;
    let past = AsideReason::Scheduled(Timestamp::UNIX_EPOCH);
    let [first, second] = one_parked();
    let records = courier.set_aside(3, &[first, second, ("2:1", past)]).await;
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await.len(), 3);
    courier.settle(3, None).await;

    assert_eq!(courier.record(&records).await, [Lane::WHOLE], "the lease is its own");
    assert_eq!(courier.due(10).await, Default::default());
    assert_eq!(courier.blocked().await, []);
    assert_eq!(courier.parked().await, []);
}

/// Nor is its key parked again.
pub async fn what_was_discarded_is_not_set_aside_again_by_a_late_record<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1]).await;
    let mut courier = Courier::start(&store).await;
    let records = courier.set_aside(3, &one_parked()).await;
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("it is parked");
    assert_eq!(courier.record(&records).await, [Lane::WHOLE], "the lease is its own");
    assert_eq!(courier.parked().await, []);
    assert_eq!(courier.events(1).await, []);
    assert_eq!(courier.due(10).await, Default::default());
}

/// And not what was set aside by the one before.
pub async fn a_record_that_tells_more_sets_aside_what_is_new<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let first = courier.set_aside(1, &one_parked()).await;
    let mut more = courier.sort(2, |_| Some(AsideReason::Behind)).await;
    more[0].aside.insert(0, first[0].aside[0].clone());
    assert_eq!(courier.record(&more).await, [Lane::WHOLE]);
    assert_eq!(courier.blocked().await, [(1, 3)]);
    assert_eq!(courier.the_parked().await.attempts, 1);
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "1:2"), (3, "1:3")]));
}

/// Every part of the envelope, and the error of the bus.
pub async fn what_is_set_aside_comes_back_unchanged<H: Harness>(harness: H) {
    const ODD: &str = "näh 😀 \"'\\ \u{1}";
    let store = harness.backend();
    let context = ann().with_metadata("odd", ODD).with_metadata("", "");
    let app = application(&store);
    let id = given_counter(&app, &context, 1).await;
    count_on(&app, &context, id).await;
    let mut courier = Courier::start(&store).await;
    let records = courier.sort(1, |_| Some(refused(ODD))).await;
    courier.record(&records).await;
    let set_aside = &records[0].aside[0];
    assert_eq!(set_aside.envelope.metadata["odd"], ODD);

    let parked = courier.the_parked().await;
    assert_eq!((&parked.key, parked.last_error.as_str()), (&key("acme", 1), ODD));
    let events = store.events(&courier.reader().name, &parked.key).await.expect("listed");
    assert_eq!(events[0].envelope, set_aside.envelope);
    assert_eq!((events[0].sequence, events[0].is_edited), (set_aside.sequence, false));
    courier.resume(1).await;
    let due = courier.due(10).await;
    assert_eq!(due.batches[0].entries[0].envelope, set_aside.envelope);
}

/// And nothing is expected.
pub async fn with_nothing_set_aside_nothing_is_due<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2]).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    assert_eq!(courier.due(10).await, Default::default());
    courier.set_aside(2, &[]).await;
    assert_eq!(courier.due(10).await, Default::default());
    assert_eq!(courier.blocked().await, []);
    assert_eq!(courier.parked().await, []);
}
