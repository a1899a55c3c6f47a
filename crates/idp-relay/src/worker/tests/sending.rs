//! Sends, their ends and their failures.

use super::*;
use crate::Target;
use crate::sends::Sends;
use idp_application::{
    Audience, BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishFailure,
};
use std::sync::Arc;

#[test]
fn the_progress_of_several_lanes_is_recorded_in_one_call() {
    let mut rig = Rig::holding(3);
    let sends = rig.read(&[0, 1, 2], &[(0, &[1]), (2, &[2, 3])]);
    rig.sent(&sends[1]);
    rig.sent(&sends[0]);
    rig.advance(&[(0, 1), (2, 2)]);
}

#[test]
fn what_was_accepted_of_a_failed_send_is_recorded_and_the_rest_sent_after_a_pause() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1, 2, 3]), (1, &[4])]);
    let pause = rig.refused(&sends[0], 2).expect("the lane rests");
    rig.sent(&sends[1]);
    rig.advance(&[(0, 2), (1, 1)]);
    rig.read(&[1], &[]);
    assert_eq!(rig.waits(), pause);
    rig.pass(pause);
    let sends = rig.read(&[0], &[(0, &[3])]);
    assert_eq!(sends[0].messages[0].sequence, 3);
}

#[test]
fn pauses_of_a_lane_grow_with_its_failures_and_end_with_its_first_success() {
    let mut rig = Rig::holding(1);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        let sends = rig.read(&[0], &[(0, &[1, 2])]);
        longest = longest.max(rig.refused(&sends[0], 0).expect("the lane rests"));
        rig.pass(Duration::from_secs(11));
        rig.join(1, 1);
        let asked = rig.expect_advance();
        rig.worker.on_recorded(&asked, rig.now, &[Lane::from_number(0)]);
    }
    assert!(longest > SECOND);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    let pause = rig.refused(&sends[0], 1).expect("the lane rests");
    assert!(pause <= Duration::from_millis(100), "{pause:?}");
}

#[test]
fn a_send_that_was_broken_off_is_sent_again() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[(0, &[1, 2])]);
    let error = Error::new(ErrorKind::Unavailable, "publish", "panicked");
    let lost = Ticket::lost(Lane::from_number(0), 1, PublishFailure::Unavailable, error);
    let pause = rig.worker.on_sent(lost, rig.now).expect("the lane rests");
    rig.pass(pause);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    assert_eq!(sends[0].messages[0].sequence, 1);
}

#[test]
fn sends_that_were_broken_off_because_their_lanes_are_lost_say_nothing_of_the_bus() {
    let mut rig = Rig::holding(1);
    for _ in 0..20 {
        let error = Error::new(ErrorKind::Unavailable, "publish", "broken off");
        let lost = Ticket::lost(Lane::from_number(7), 1, PublishFailure::Fenced, error);
        rig.worker.on_sent(lost, rig.now);
    }
    assert!(!rig.worker.is_bus_away());
    rig.read(&[0], &[]);
}

#[test]
fn a_send_ends_with_its_time_and_never_after_the_deadline() {
    let mut rig = Rig::holding(2);
    let start = rig.now;
    let Step::Read(first) = rig.next() else { panic!("the worker should read") };
    let sends = rig.worker.on_read(&first, vec![batch(0, &[1], 1)], rig.now);
    assert_eq!(sends[0].until, start + SECOND * 5, "the time of a send");
    rig.pass(SECOND * 7);
    let sends = rig.worker.on_read(&first, vec![batch(1, &[2], 2)], rig.now);
    assert_eq!(sends[0].until, start + SECOND * 9, "the lease less the margin");
}

#[test]
fn no_send_starts_when_reading_took_until_after_the_deadline() {
    let mut rig = Rig::holding(1);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    rig.pass(SECOND * 9);
    let sends = rig.worker.on_read(&reading, vec![batch(0, &[1], 1)], rig.now);
    assert!(sends.is_empty());
}

/// As of one endpoint of many. Of the bus it says nothing, however often: it is not thought to be away.
#[test]
fn a_place_that_is_away_rests_its_lanes_for_as_long_as_it_asks_and_no_other() {
    let mut rig = Rig::holding(7);
    let asked = SECOND * 8;
    let mut sends = rig.read(&[0, 1, 2, 3, 4, 5, 6], &[(0, &[1]), (1, &[2]), (2, &[3]), (3, &[4])]);
    sends.extend(rig.read(&[4, 5, 6], &[(4, &[5]), (5, &[6]), (6, &[7])]));
    for send in &sends[..6] {
        let error = PublishError::topic_unavailable(0, Some(asked), "the endpoint is away");
        let outcome = send.ticket.clone().outcome(Some(error));
        let pause = rig.worker.on_sent(outcome, rig.now).expect("the lane rests");
        assert!(pause >= asked, "{pause:?}");
    }
    assert!(!rig.worker.is_bus_away());
    rig.sent(&sends[6]);
    rig.advance(&[(6, 1)]);
    rig.pass(POLL);
    assert_eq!(rig.read(&[6], &[(6, &[8])]).len(), 1, "the bus is not spared for it");
}

#[test]
fn a_place_that_asks_for_a_year_is_tried_again_after_the_longest_pause_that_is_allowed() {
    let config = RelayConfig { throttle_max: SECOND * 20, ..RelayConfig::default() };
    let mut rig = Rig::of(&config).claims(1);
    let sends = rig.read(&[0], &[(0, &[1])]);
    let a_year = SECOND * 31_536_000;
    let error = PublishError::topic_unavailable(0, Some(a_year), "the endpoint is away");
    let pause = rig.worker.on_sent(sends[0].ticket.clone().outcome(Some(error)), rig.now);
    assert_eq!(pause, Some(SECOND * 20));
}

#[test]
fn a_send_of_nothing_but_what_is_gone_says_nothing_of_the_bus() {
    let mut rig = Rig::holding(6);
    let sends = rig.read(&[0, 1, 2, 3, 4, 5], &[(0, &[1]), (1, &[2]), (2, &[3]), (3, &[4])]);
    let more = rig.read(&[4, 5], &[(4, &[5]), (5, &[6])]);
    for send in sends.iter().chain(&more[..1]) {
        rig.refused(send, 0);
    }
    assert!(rig.worker.is_bus_away());
    let mut outcome = more[1].ticket.clone().outcome(None);
    outcome.gone = 1;
    rig.worker.on_sent(outcome, rig.now);
    assert!(rig.worker.is_bus_away(), "it was not asked");
}

/// A bus that never answers.
struct Mute;

impl EventBus for Mute {
    fn system(&self) -> &'static str {
        "mute"
    }

    fn guarantees(&self) -> BusGuarantees {
        let duplicates = Duplicates::Possible;
        BusGuarantees { duplicates, fences_zombies: false, data_bytes_max: None }
    }

    fn publish<'a>(&'a self, _: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::pending())
    }
}

/// How a send ends of which the bus says nothing.
async fn ends(change: impl FnOnce(&mut Send), is_aborted: bool) -> Option<PublishFailure> {
    let mut rig = Rig::holding(1);
    let mut send = rig.read(&[0], &[(0, &[1])]).remove(0);
    change(&mut send);
    let mut sends = Sends::new(Target::new("bus", Arc::new(Mute)), Audience::default());
    sends.start(send);
    tokio::task::yield_now().await;
    if is_aborted {
        sends.abort(Lane::from_number(0));
    }
    let ended = tokio::time::timeout(SECOND * 60, sends.ended()).await.expect("it ends");
    ended.failure.map(|(failure, _)| failure)
}

#[tokio::test]
async fn what_says_nothing_of_the_bus_does_not_count_against_it() {
    let unavailable = Some(PublishFailure::Unavailable);
    let soon = |send: &mut Send| send.until = Instant::now() + Duration::from_millis(20);
    assert_eq!(ends(soon, false).await, unavailable, "it had its time");
    let fenced = Some(PublishFailure::Fenced);
    assert_eq!(ends(|_| {}, true).await, fenced, "the lane was lost");
    let late = |send: &mut Send| send.until = Instant::now();
    assert_eq!(ends(late, false).await, fenced, "the bus was not asked");
}
