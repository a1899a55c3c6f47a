//! Events that are to be delivered later.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, labels, refused, store_time};
use crate::eventually::eventually;
use idp_application::{AsideReason, DeadLetterAction};
use idp_domain::Timestamp;
use std::time::Duration;

clauses! {
    macro deliveries_scheduling of deliveries::scheduling;
    a_scheduled_event_is_due_at_its_time_and_not_before,
    a_scheduled_event_does_not_block_its_key,
    scheduled_events_that_are_due_come_in_the_order_of_the_log,
    a_scheduled_event_comes_before_what_is_behind_it_in_the_log,
    a_scheduled_event_of_a_parked_key_waits_until_the_key_is_resumed,
    a_scheduled_event_of_a_parked_key_waits_until_the_key_is_discarded,
    an_event_that_is_scheduled_while_its_key_is_parked_waits,
    a_scheduled_event_that_is_refused_parks_its_key,
    the_time_until_the_next_event_is_that_of_the_first,
}

/// Short enough to wait for where the clock cannot be moved.
const SHORT: Duration = Duration::from_millis(400);

const TICK: Duration = Duration::from_millis(1);

fn at(time: Timestamp) -> AsideReason {
    AsideReason::Scheduled(time)
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_micros()).expect("a short time");
    Timestamp::from_unix_micros(time.unix_micros() + by)
}

fn long_ago() -> AsideReason {
    at(Timestamp::UNIX_EPOCH)
}

/// An hour from now, which no clause lives to see.
async fn far(courier: &Courier) -> AsideReason {
    at(later(store_time(&courier.store).await, Duration::from_secs(3_600)))
}

/// By the clock of the store.
pub async fn a_scheduled_event_is_due_at_its_time_and_not_before<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2]).await;
    let mut courier = Courier::start(&store).await;
    let time = later(store_time(&store).await, SHORT);
    courier.set_aside(2, &[("1:1", at(time))]).await;
    let due = courier.due(10).await;
    if harness.advance_lease_clock(SHORT - TICK) {
        assert_eq!((due.batches.len(), due.next), (0, Some(SHORT)));
        let due = courier.due(10).await;
        assert_eq!((due.batches.len(), due.next), (0, Some(TICK)));
        harness.advance_lease_clock(TICK);
    }
    eventually("the scheduled event", async || {
        let due = courier.due(10).await;
        let now = store_time(&store).await;
        if due.batches.is_empty() {
            let next = due.next.expect("it is known when it is due");
            assert!(next <= SHORT, "{next:?}");
            return None;
        }
        assert!(now >= time, "it was due at {now}, before {time}");
        Some(())
    })
    .await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1")]));
}

/// And waits for no operator.
pub async fn a_scheduled_event_does_not_block_its_key<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let time = far(&courier).await;
    courier.set_aside(2, &[("1:1", time), ("1:2", long_ago())]).await;
    assert_eq!(courier.blocked().await, []);
    assert_eq!(courier.parked().await, []);
    assert_eq!(courier.events(1).await, []);
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:2")]), "a past time is over");
    assert_eq!(courier.settle(1, None).await, [1], "nothing blocks it");
}

/// Of one key, whichever of their times was first.
pub async fn scheduled_events_that_are_due_come_in_the_order_of_the_log<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let micros = |micros| at(Timestamp::from_unix_micros(micros));
    let reasons =
        [("1:1", micros(30)), ("1:2", micros(10)), ("1:3", micros(20)), ("1:4", micros(10))];
    courier.set_aside(4, &reasons).await;
    let first = courier.due(3).await;
    assert_eq!(first.batches[0].entries.len(), 3);
    let all = labels(&[(1, "1:1"), (2, "1:2"), (3, "1:3"), (4, "1:4")]);
    assert_eq!(courier.due_labels().await, all);
}

/// When both are due.
pub async fn a_scheduled_event_comes_before_what_is_behind_it_in_the_log<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let reasons = [("1:1", refused("no")), ("1:2", long_ago()), ("1:3", AsideReason::Behind)];
    courier.set_aside(3, &reasons).await;
    courier.resume(1).await;
    assert_eq!(courier.due(2).await.batches[0].entries.len(), 2);
    let all = labels(&[(1, "1:1"), (2, "1:2"), (3, "1:3")]);
    assert_eq!(courier.due_labels().await, all);
}

/// Its own time does not free it; then it is due.
pub async fn a_scheduled_event_of_a_parked_key_waits_until_the_key_is_resumed<H: Harness>(
    harness: H,
) {
    let store = harness.backend();
    count(&store, &[1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let time = far(&courier).await;
    let reasons = [("1:1", long_ago()), ("1:2", time), ("1:3", refused("no"))];
    courier.set_aside(3, &reasons).await;
    assert_eq!(courier.due(10).await, Default::default());
    assert_eq!(courier.events(1).await, [("1:3".to_owned(), false)]);
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "1:3")]));
    assert_eq!(courier.settle(2, None).await, [1]);
    let due = courier.due(10).await;
    assert!(due.batches.is_empty() && due.next.is_some(), "1:2 has its time: {due:?}");
}

/// What is scheduled is not discarded with it.
pub async fn a_scheduled_event_of_a_parked_key_waits_until_the_key_is_discarded<H: Harness>(
    harness: H,
) {
    let store = harness.backend();
    count(&store, &[1, 1, 2, 2]).await;
    let mut courier = Courier::start(&store).await;
    let reasons =
        [("1:1", long_ago()), ("1:2", refused("no")), ("2:1", long_ago()), ("2:2", refused("no"))];
    courier.set_aside(4, &reasons).await;
    assert_eq!(courier.due(10).await, Default::default());
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("it is parked");
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1")]));
    let event = courier.event(2, "2:2").await;
    courier.command(2, DeadLetterAction::Discard { event }).await.expect("it is parked");
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "2:1")]));
    assert_eq!(courier.settle(2, None).await, [1, 2]);
}

/// Like one that was scheduled before.
pub async fn an_event_that_is_scheduled_while_its_key_is_parked_waits<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(1, &[("1:1", refused("no"))]).await;
    courier.set_aside(1, &[("1:2", long_ago())]).await;
    assert_eq!(courier.due(10).await, Default::default());
    assert_eq!(courier.blocked().await, [(1, 1)]);
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "1:2")]));
}

/// From then on it waits like any other.
pub async fn a_scheduled_event_that_is_refused_parks_its_key<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(2, &[("1:1", long_ago()), ("1:2", long_ago())]).await;
    assert_eq!(courier.due_labels().await.len(), 2);
    courier.settle(0, Some((1, "too late"))).await;
    let parked = courier.the_parked().await;
    assert_eq!((parked.is_parked, parked.events, parked.attempts), (true, 1, 1));
    assert_eq!(parked.last_error, "too late");
    assert_eq!(courier.blocked().await, [(1, 1)]);
    assert_eq!(courier.events(1).await, [("1:1".to_owned(), false)]);
    assert_eq!(courier.due(10).await, Default::default(), "1:2 waits with it");
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await, labels(&[(3, "1:1"), (4, "1:2")]));
}

/// Of the lanes asked about; parked keys do not count.
pub async fn the_time_until_the_next_event_is_that_of_the_first<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 3, 4, 3]).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    let now = store_time(&store).await;
    let hours = |hours: u64| at(later(now, Duration::from_secs(hours * 3_600)));
    let reasons = [("1:1", hours(5)), ("2:1", hours(3)), ("3:1", hours(1)), ("3:2", refused("no"))];
    courier.set_aside(5, &reasons).await;
    let due = courier.due(10).await;
    assert_eq!(due.batches, []);
    let next = due.next.expect("it is known");
    let expected = Duration::from_secs(3 * 3_600);
    assert!(next <= expected && next > expected - Duration::from_secs(60), "{next:?}");
}
