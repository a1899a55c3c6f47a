//! Contract 5: a worker that lost its lease and does not know it yet.

use super::arrivals::{check, numbers, stores_once};
use super::publisher::Publisher;
use crate::BusHarness;
use crate::abandon::meanwhile;
use crate::clauses::clauses;
use crate::harness::skip;
use idp_application::{PublishFailure, Track};

clauses! {
    macro event_bus_fencing of event_bus::fencing;
    what_an_older_epoch_publishes_again_adds_nothing,
    new_messages_of_an_older_epoch_are_refused,
    an_older_epoch_is_refused_in_the_middle_of_its_send,
    a_stream_is_fenced_and_no_other,
}

const NO_FENCE: &str = "the bus fences no zombies";

/// Where numbers are stored once, or zombies are fenced.
pub async fn what_an_older_epoch_publishes_again_adds_nothing<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut zombie = Publisher::of_lane(harness.bus().await, &topic, 0);
    zombie.publish_all(&zombie.messages(1..=5, 1)).await;
    let mut owner = zombie.successor(harness.bus().await);
    owner.publish_all(&owner.messages(1..=10, 1)).await;
    let before = numbers(&harness, &topic).await;
    let late = zombie.publish(&zombie.messages(4..=8, 1)).await;
    let is_fenced = late.is_err_and(|error| error.failure == PublishFailure::Fenced);
    let bus = zombie.bus();
    assert!(is_fenced || !bus.guarantees().fences_zombies || stores_once(&**bus));
    if bus.guarantees().fences_zombies || stores_once(&**bus) {
        assert_eq!(numbers(&harness, &topic).await, before);
    }
    owner.publish_all(&owner.messages(11..=12, 1)).await;
    check(&harness, &[&zombie, &owner]).await;
}

/// Each time that it tries.
pub async fn new_messages_of_an_older_epoch_are_refused<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut zombie = Publisher::of_lane(harness.bus().await, &topic, 0);
    if !zombie.bus().guarantees().fences_zombies {
        return skip(NO_FENCE);
    }
    zombie.publish_all(&zombie.messages(1..=5, 1)).await;
    let mut owner = zombie.successor(harness.bus().await);
    owner.publish_all(&owner.messages(6..=8, 1)).await;
    for _ in 0..3 {
        let late = zombie.publish(&zombie.messages(9..=12, 1)).await;
        let error = late.expect_err("a zombie is refused");
        assert_eq!((error.failure, error.accepted), (PublishFailure::Fenced, 0), "{error:?}");
    }
    assert_eq!(numbers(&harness, &topic).await, (1..=8).collect::<Vec<_>>());
    owner.publish_all(&owner.messages(9..=15, 1)).await;
    assert_eq!(numbers(&harness, &topic).await, (1..=15).collect::<Vec<_>>());
    check(&harness, &[&zombie, &owner]).await;
}

/// From the moment on that something of the new epoch was acknowledged, nothing of the old one is
/// stored.
pub async fn an_older_epoch_is_refused_in_the_middle_of_its_send<H: BusHarness>(harness: H) {
    let topic = harness.topic("letters").await;
    let mut zombie = Publisher::of_lane(harness.bus().await, &topic, 0);
    if !zombie.bus().guarantees().fences_zombies {
        return skip(NO_FENCE);
    }
    let mut first = 1;
    for polls in [1, 2, 3, 5, 8] {
        let late = zombie.messages(first..=first + 299, 1);
        let mut owner = zombie.successor(harness.bus().await);
        let taking_over = async {
            owner.publish_all(&owner.messages(first..=first + 9, 1)).await;
            numbers(&harness, &topic).await
        };
        let (sent, before) = meanwhile(zombie.publish(&late), polls, taking_over).await;
        if let Err(error) = &sent {
            assert_eq!(error.failure, PublishFailure::Fenced, "{error:?}");
        }
        let after = numbers(&harness, &topic).await;
        assert_eq!(after, before, "after {polls} polls, it ended with {sent:?}");
        owner.publish_all(&owner.messages(first..=first + 299, 1)).await;
        check(&harness, &[&zombie, &owner]).await;
        first += 300;
        // What the zombie sent before counts for what comes next.
        let mut next = owner.successor(harness.bus().await);
        next.inherit([zombie, owner]);
        zombie = next;
    }
}

/// Even one of the same lane and target.
pub async fn a_stream_is_fenced_and_no_other<H: BusHarness>(harness: H) {
    let (topic, bus) = (harness.topic("letters").await, harness.bus().await);
    if !bus.guarantees().fences_zombies {
        return skip(NO_FENCE);
    }
    let main = Publisher::of_lane(bus.clone(), &topic, 0);
    let mut side = Publisher::of_track(bus.clone(), &topic, 0, Track::Side);
    let mut lane = Publisher::of_lane(bus.clone(), &topic, 1);
    side.publish_all(&side.messages(1..=3, 1)).await;
    lane.publish_all(&lane.messages(1..=3, 1)).await;
    let mut owner = main.successor(harness.bus().await);
    owner.publish_all(&owner.messages(1..=3, 1)).await;
    side.publish_all(&side.messages(4..=6, 1)).await;
    lane.publish_all(&lane.messages(4..=6, 1)).await;
    check(&harness, &[&side, &lane, &owner]).await;
}
