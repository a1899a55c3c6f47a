//! Sends, their ends and their failures.

use super::*;

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
    let lost = Ticket::lost(Lane::from_number(0), 1, error);
    let pause = rig.worker.on_sent(lost, rig.now).expect("the lane rests");
    rig.pass(pause);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    assert_eq!(sends[0].messages[0].sequence, 1);
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
