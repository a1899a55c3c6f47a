//! What is set aside, and what holds the log.

use super::{LagHarness, lag_of, report};
use crate::clauses::clauses;
use crate::courier::{Courier, command, count, key, refused};
use crate::follower::{LONG, by_lane};
use crate::log_keeping::purging;
use idp_application::{
    AsideReason, BlockerKind, DeadLetterAction, HoldFrom, KeepingAction, LagBounds,
};
use idp_domain::Timestamp;
use std::time::Duration;

clauses! {
    macro log_lag_aside of log_lag::aside;
    parked_keys_and_what_waits_behind_them_are_counted,
    what_is_scheduled_is_counted_apart,
    a_hold_is_a_blocker_the_oldest_first,
}

/// Until an operator resumes them.
pub async fn parked_keys_and_what_waits_behind_them_are_counted<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    count(&backend, &[1, 1, 2]).await;
    let mut courier = Courier::of(&backend, &by_lane("relay")).await;
    let records = courier
        .sort(3, |event| {
            let is_first = event.aggregate_version == 2;
            Some(if is_first { refused("no") } else { AsideReason::Behind })
        })
        .await;
    assert!(!courier.record(&records).await.is_empty());
    let lag = lag_of(&harness, "relay").await;
    assert_eq!((lag.keys_parked, lag.events_blocked, lag.events_scheduled), (2, 3, 0));
    let parked = backend.parked("relay", None, None, 10).await.expect("read");
    assert_eq!(lag.parked_since, parked.iter().map(|key| key.since).min());
    let resumed = parked.iter().find(|parked| parked.key == key("acme", 1)).expect("it is parked");
    let resume = command(resumed.key.clone(), resumed.revision, DeadLetterAction::Resume);
    backend.command("relay", &resume).await.expect("it can be resumed");
    let lag = lag_of(&harness, "relay").await;
    assert_eq!((lag.keys_parked, lag.events_blocked), (1, 3));
}

/// It blocks nothing.
pub async fn what_is_scheduled_is_counted_apart<H: LagHarness>(harness: H) {
    let backend = harness.backend();
    count(&backend, &[1, 2]).await;
    let mut courier = Courier::of(&backend, &by_lane("relay")).await;
    let later = Timestamp::from_unix_micros(i64::from(u32::MAX) * 1_000_000);
    let records = courier.sort(2, |_| Some(AsideReason::Scheduled(later))).await;
    courier.record(&records).await;
    let lag = lag_of(&harness, "relay").await;
    assert_eq!((lag.keys_parked, lag.events_blocked, lag.events_scheduled), (0, 0, 2));
    assert_eq!(lag.parked_since, None);
}

/// And there are no more than were asked for.
pub async fn a_hold_is_a_blocker_the_oldest_first<H: LagHarness>(harness: H) {
    let keeping = harness.keeping();
    for name in ["z", "a"] {
        let action = KeepingAction::Hold { name: name.into(), from: HoldFrom::Oldest };
        keeping.keep(&purging::command(action)).await.expect("the name is free");
        harness.advance_lease_clock(LONG);
        // Where that is the clock of the machine: some count milliseconds.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let report = report(&harness).await;
    let holds = report.blockers.iter().filter(|blocker| blocker.kind == BlockerKind::Hold);
    let names: Vec<_> = holds.clone().map(|hold| hold.name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
    assert!(holds.clone().all(|hold| hold.holds_purge && hold.since.is_some()));
    let bounds = LagBounds { blockers_max: 1, ..LagBounds::default() };
    let few = harness.lag().lag(&bounds).await.expect("one can look at the lag").blockers;
    let holds = few.iter().filter(|blocker| blocker.kind == BlockerKind::Hold);
    assert_eq!(holds.map(|hold| hold.name.as_str()).collect::<Vec<_>>(), ["z"]);
}
