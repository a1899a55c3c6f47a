//! Leases: claimed, renewed, lost and given back.

use super::*;

#[test]
fn a_new_worker_joins_claims_its_share_and_reads() {
    let mut rig = Rig::new();
    rig.join(3, 8);
    assert_eq!(rig.next(), Step::Claim(3));
    rig.claimed(&[lease(0, 1), lease(1, 1)]);
    assert!(rig.read(&[0, 1], &[]).is_empty());
    assert_eq!(rig.waits(), POLL);
}

#[test]
fn what_is_still_missing_to_the_share_is_claimed_once_a_heartbeat() {
    let mut rig = Rig::new();
    rig.join(1, 4);
    assert_eq!(rig.next(), Step::Claim(4));
    rig.claimed(&[lease(0, 1)]);
    rig.read(&[0], &[]);
    rig.waits();
    rig.heartbeat(1, 4);
    assert_eq!(rig.next(), Step::Claim(3));
}

#[test]
fn nothing_is_read_after_the_deadline_until_the_lease_is_renewed() {
    let mut rig = Rig::holding(1);
    rig.pass(SECOND * 9);
    rig.join(1, 1);
    let asked = rig.expect_advance();
    rig.worker.on_error(rig.now);
    rig.pass(SECOND);
    assert_eq!(rig.expect_advance(), asked, "offered again, and nothing read before");
    rig.worker.on_recorded(&asked, rig.now, &[Lane::from_number(0)]);
    rig.read(&[0], &[]);
}

#[test]
fn what_was_sent_is_offered_to_the_log_also_after_the_deadline() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    rig.sent(&sends[0]);
    rig.pass(SECOND * 60);
    rig.join(1, 1);
    rig.advance(&[(0, 2)]);
    let sends = rig.read(&[0], &[(0, &[3])]);
    assert_eq!(sends[0].ticket.epoch, 1, "nobody else had claimed the lane: nothing is sent twice");
}

#[test]
fn the_deadline_counts_from_before_the_request_was_sent() {
    let mut rig = Rig::holding(1);
    let start = rig.now;
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.sent(&sends[0]);
    let asked = rig.expect_advance();
    rig.pass(SECOND * 2);
    rig.worker.on_recorded(&asked, start, &[Lane::from_number(0)]);
    rig.pass(SECOND * 6 + Duration::from_millis(999));
    rig.heartbeat_missed();
    assert!(rig.worker.lanes[&Lane::from_number(0)].may_send(rig.now));
    rig.pass(Duration::from_millis(1));
    assert!(!rig.worker.lanes[&Lane::from_number(0)].may_send(rig.now));
}

#[test]
fn a_lane_that_the_log_refuses_is_dropped_and_its_send_changes_nothing() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1, 2]), (1, &[3])]);
    rig.sent(&sends[1]);
    rig.pass(SECOND * 3);
    rig.join(1, 2);
    let asked = rig.expect_advance();
    let advanced = rig.worker.on_recorded(&asked, rig.now, &[Lane::from_number(1)]);
    assert_eq!(advanced.fenced, [Lane::from_number(0)]);
    rig.sent(&sends[0]);
    assert_eq!(rig.next(), Step::Claim(1));
    assert_eq!(rig.worker.lanes_held(), 1);
}

#[test]
fn a_lane_claimed_again_is_not_read_before_its_old_send_has_ended() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    rig.pass(SECOND * 3);
    rig.join(1, 1);
    let asked = rig.expect_advance();
    rig.worker.on_recorded(&asked, rig.now, &[]);
    assert_eq!(rig.next(), Step::Claim(1));
    rig.claimed(&[lease(0, 3)]);
    rig.worker.rung(rig.now);
    rig.waits();
    rig.sent(&sends[0]);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    assert_eq!((sends[0].ticket.epoch, sends[0].messages[0].sequence), (3, 1));
}

#[test]
fn a_worker_above_its_share_gives_back_lanes_without_work_first() {
    let mut rig = Rig::holding(4);
    rig.read(&[0, 1, 2, 3], &[(3, &[1])]);
    rig.heartbeat(2, 4);
    assert_eq!(rig.next(), Step::Release(vec![lease(1, 1), lease(2, 1)]));
    rig.worker.on_released();
    assert_eq!(rig.worker.lanes_held(), 2);
}

#[test]
fn a_lane_that_is_to_leave_is_given_back_only_when_it_is_drained() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1]), (1, &[2])]);
    rig.heartbeat(2, 2);
    rig.waits();
    rig.sent(&sends[1]);
    rig.advance(&[(1, 1)]);
    let left = LaneLease { cursor: cursor(2), sequence: 1, ..lease(1, 1) };
    assert_eq!(rig.next(), Step::Release(vec![left]));
}

#[test]
fn a_lane_that_was_to_leave_stays_when_the_other_worker_has_gone() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1]), (1, &[2])]);
    rig.heartbeat(2, 2);
    rig.heartbeat(1, 2);
    rig.sent(&sends[1]);
    rig.advance(&[(1, 1)]);
    rig.read(&[1], &[]);
    assert_eq!(rig.worker.lanes_held(), 2);
}

#[test]
fn after_an_error_of_the_log_the_same_is_asked_again_after_a_pause() {
    let mut rig = Rig::new();
    assert_eq!(rig.next(), Step::Join);
    let pause = rig.worker.on_error(rig.now);
    assert_eq!(rig.waits(), pause);
    rig.pass(pause);
    assert_eq!(rig.next(), Step::Join);
}
