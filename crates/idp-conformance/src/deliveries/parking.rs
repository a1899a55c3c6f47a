//! Which keys wait, what makes them wait, and what becomes of those behind them.

use crate::Harness;
use crate::clauses::clauses;
use crate::courier::{Courier, count, key, labels, refused};
use crate::fixture::refused as fails;
use idp_application::{AsideReason, DeadLetterAction, ErrorKind};

clauses! {
    macro deliveries_parking of deliveries::parking;
    a_refused_event_parks_its_key,
    nothing_of_a_parked_key_is_due,
    an_event_behind_that_no_parked_key_holds_back_is_due,
    a_resumed_key_is_due_in_the_order_of_the_log,
    what_comes_behind_a_resumed_key_is_due_behind_it,
    a_key_is_blocked_until_all_of_it_was_sent,
    a_refused_event_of_the_side_track_parks_its_key_again,
    a_refusal_takes_numbers_from_its_own_key_only,
    a_key_that_was_sent_is_parked_no_more,
    a_key_that_is_parked_anew_is_not_what_it_was_before,
}

fn behind() -> AsideReason {
    AsideReason::Behind
}

/// And says why, since when, and how many events wait.
pub async fn a_refused_event_parks_its_key<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1, 3]).await;
    let mut courier = Courier::of_all_lanes(&store).await;
    courier.set_aside(4, &[("1:1", refused("too large")), ("1:2", behind())]).await;
    let parked = courier.the_parked().await;
    assert_eq!(parked.key, key("acme", 1));
    assert_eq!(parked.last_error, "too large");
    assert_eq!((parked.is_parked, parked.events, parked.attempts), (true, 2, 1));
    assert!(courier.lanes().contains(&parked.lane));
    let blocked = courier.blocked_keys().await;
    assert_eq!(blocked.len(), 1, "{blocked:?}");
    assert_eq!((&blocked[0].key, blocked[0].lane), (&parked.key, parked.lane));
    assert_eq!(blocked[0].events, 2);
}

/// Not after a takeover either.
pub async fn nothing_of_a_parked_key_is_due<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 2]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(3, &[("1:1", refused("too large")), ("1:2", behind())]).await;
    assert_eq!(courier.due(10).await, Default::default());
    assert_eq!(courier.successor().await.due(10).await, Default::default());
}

/// As when an operator discarded what it stood behind while the worker put it there.
pub async fn an_event_behind_that_no_parked_key_holds_back_is_due<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(1, &[("1:1", refused("too large"))]).await;
    let late = courier.sort(1, |_| Some(behind())).await;
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("it is parked");
    courier.record(&late).await;
    assert_eq!(courier.blocked().await, [(1, 1)], "it has to be sent first");
    assert_eq!(courier.parked().await, []);
    assert_eq!(courier.events(1).await, [("1:2".to_owned(), false)]);
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:2")]));
    assert_eq!(courier.settle(1, None).await, [1]);
    assert_eq!(courier.blocked().await, []);
}

/// And nothing else is.
pub async fn a_resumed_key_is_due_in_the_order_of_the_log<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1, 2, 1]).await;
    let mut courier = Courier::start(&store).await;
    let reasons = [
        ("1:1", refused("too large")),
        ("1:2", behind()),
        ("1:3", behind()),
        ("2:1", refused("too large")),
        ("2:2", behind()),
    ];
    courier.set_aside(5, &reasons).await;
    courier.resume(1).await;
    let due = labels(&[(1, "1:1"), (2, "1:2"), (3, "1:3")]);
    assert_eq!(courier.due_labels().await, due);
    let parked = courier.parked().await;
    let states: Vec<_> = parked.iter().map(|parked| parked.is_parked).collect();
    assert_eq!(states, [false, true], "{parked:#?}");
}

/// Also when what was before is being sent, and when it was sent in part.
pub async fn what_comes_behind_a_resumed_key_is_due_behind_it<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(2, &[("1:1", refused("too large")), ("1:2", behind())]).await;
    courier.resume(1).await;
    assert_eq!(courier.due(1).await.batches[0].entries.len(), 1);
    courier.set_aside(1, &[("1:3", behind())]).await;
    assert_eq!(courier.due_labels().await, labels(&[(1, "1:1"), (2, "1:2"), (3, "1:3")]));
    assert_eq!(courier.settle(2, None).await, [0; 0], "1:3 is not sent yet");
    courier.set_aside(1, &[("1:4", behind())]).await;
    assert_eq!(courier.blocked().await, [(1, 2)]);
    assert_eq!(courier.due_labels().await, labels(&[(3, "1:3"), (4, "1:4")]));
    assert_eq!(courier.settle(4, None).await, [1]);
}

/// Then the settlement says so.
pub async fn a_key_is_blocked_until_all_of_it_was_sent<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let reasons =
        [("1:1", refused("no")), ("1:2", behind()), ("1:3", behind()), ("2:1", refused("no"))];
    courier.set_aside(4, &reasons).await;
    courier.resume(1).await;
    assert_eq!(courier.due_labels().await.len(), 3);
    for (through, left) in [(1, 2), (2, 1)] {
        assert_eq!(courier.settle(through, None).await, [0; 0]);
        assert_eq!(courier.blocked().await, [(1, left), (2, 1)]);
    }
    assert_eq!(courier.settle(3, None).await, [1]);
    assert_eq!(courier.blocked().await, [(2, 1)]);
}

/// With its first error forgotten and its attempts counted.
pub async fn a_refused_event_of_the_side_track_parks_its_key_again<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1, 1]).await;
    let mut courier = Courier::start(&store).await;
    let reasons = [("1:1", refused("too large")), ("1:2", behind()), ("1:3", behind())];
    courier.set_aside(3, &reasons).await;
    let first = courier.the_parked().await;
    courier.resume(1).await;
    let resumed = courier.the_parked().await;
    assert!(!resumed.is_parked && resumed.revision > first.revision, "{resumed:?}");
    assert_eq!(courier.due_labels().await.len(), 3);
    assert_eq!(courier.settle(1, Some((2, "still too large"))).await, [0; 0]);

    let again = courier.the_parked().await;
    assert_eq!((again.is_parked, again.events, again.attempts), (true, 2, 2));
    assert_eq!(again.last_error, "still too large");
    assert_eq!(again.since, first.since, "since it was parked first");
    assert!(again.revision > resumed.revision);
    assert_eq!(courier.events(1).await, [("1:2".to_owned(), false), ("1:3".to_owned(), false)]);
    assert_eq!(courier.due(10).await, Default::default());
    courier.resume(1).await;
    let due = labels(&[(4, "1:2"), (5, "1:3")]);
    assert_eq!(courier.due_labels().await, due, "numbers that were taken away are not given again");
}

/// What others were given, they keep, and are given again.
pub async fn a_refusal_takes_numbers_from_its_own_key_only<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 2, 1, 2]).await;
    let mut courier = Courier::start(&store).await;
    let reasons =
        [("1:1", refused("no")), ("2:1", refused("no")), ("1:2", behind()), ("2:2", behind())];
    courier.set_aside(4, &reasons).await;
    courier.resume(1).await;
    courier.resume(2).await;
    let due = courier.due_labels().await;
    assert_eq!(due.len(), 4);
    let number = |label: &str| due.iter().find(|(_, of)| of == label).expect("due").0;
    let first = due[0].1[..1].parse::<u128>().expect("the number of a counter");
    let other = 3 - first;
    assert_eq!(courier.settle(0, Some((1, "no"))).await, [0; 0]);
    let kept = [format!("{other}:1"), format!("{other}:2")].map(|of| (number(&of), of));
    assert_eq!(courier.due_labels().await, kept);
    assert_eq!(courier.settle(4, None).await, [other]);
    assert_eq!(courier.blocked().await, [(first, 2)]);
}

/// Nothing can be done about it.
pub async fn a_key_that_was_sent_is_parked_no_more<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(1, &[("1:1", refused("no"))]).await;
    courier.resume(1).await;
    courier.due(10).await;
    courier.settle(1, None).await;
    assert_eq!(courier.parked().await, []);
    assert_eq!(courier.events(1).await, []);
    fails(courier.command(1, DeadLetterAction::Resume).await, ErrorKind::NotFound);
}

/// A command about what it was before does not meet it.
pub async fn a_key_that_is_parked_anew_is_not_what_it_was_before<H: Harness>(harness: H) {
    let store = harness.backend();
    count(&store, &[1, 1]).await;
    let mut courier = Courier::start(&store).await;
    courier.set_aside(1, &[("1:1", refused("first"))]).await;
    courier.command(1, DeadLetterAction::DiscardKey).await.expect("it is parked");
    let seen = courier.parked().await;
    assert_eq!(seen, []);
    courier.set_aside(1, &[("1:2", refused("second"))]).await;
    let anew = courier.the_parked().await;
    assert_eq!((anew.attempts, anew.last_error.as_str()), (1, "second"));
    for old in 0..anew.revision {
        let action = DeadLetterAction::DiscardKey;
        let command = crate::courier::command(key("acme", 1), old, action);
        fails(store.command(&courier.reader().name, &command).await, ErrorKind::Conflict);
    }
    assert_eq!(courier.the_parked().await, anew);
}
