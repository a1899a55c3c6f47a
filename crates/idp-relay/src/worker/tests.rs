//! The decisions of a worker, step by step, without clock, I/O or tasks.

use super::sample::{batch, cursor, lease};
use super::{Ending, Send, SendOutcome, Step, Worker};
use crate::RelayConfig;
use idp_application::{
    Error, ErrorKind, Lane, LaneLease, LaneProgress, Membership, PublishError, WorkerId,
};
use idp_domain::Uuid;
use std::time::{Duration, Instant};

/// A worker, and what the time is.
struct Rig {
    worker: Worker,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        let config = RelayConfig { batch_size: 4, ..RelayConfig::for_reader("bus") };
        let now = Instant::now();
        Self { worker: Worker::new(config, WorkerId(Uuid::from_u128(1)), now), now }
    }

    /// One that is alone, and holds that many lanes under epoch 1, all of them.
    fn holding(lanes: u16) -> Self {
        let mut rig = Self::new();
        rig.join(1, lanes);
        assert_eq!(rig.next(), Step::Claim(lanes));
        let lanes = i16::try_from(lanes).expect("few lanes");
        rig.claimed(&(0..lanes).map(|lane| lease(lane, 1)).collect::<Vec<_>>());
        rig
    }

    fn next(&mut self) -> Step {
        self.worker.next(self.now)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn join(&mut self, workers_live: u16, lanes: u16) {
        assert_eq!(self.next(), Step::Join);
        self.worker.on_joined(Membership { workers_live, lanes });
    }

    fn claimed(&mut self, leases: &[LaneLease]) {
        self.worker.on_claimed(leases, self.now);
    }

    /// Expects that these lanes are read, and answers with events at those positions.
    fn read(&mut self, lanes: &[i16], found: &[(i16, &[i64])]) -> Vec<Send> {
        let Step::Read(reading) = self.next() else { panic!("the worker should read") };
        let asked: Vec<_> = reading.leases.iter().map(|lease| lease.lane.number()).collect();
        assert_eq!(asked, lanes);
        let batches = found
            .iter()
            .map(|(lane, positions)| batch(*lane, positions, *positions.last().expect("events")));
        self.worker.on_read(&reading, batches.collect(), self.now)
    }

    fn sent(&mut self, send: &Send) {
        self.worker.on_sent(&send.outcome(Ok(())), self.now);
    }

    fn refused(&mut self, send: &Send, accepted: usize) -> Option<Duration> {
        let error = Error::new(ErrorKind::Unavailable, "publish", "the bus is away");
        let outcome = send.outcome(Err(PublishError { accepted, error }));
        self.worker.on_sent(&outcome, self.now)
    }

    /// Expects progress of these lanes up to these numbers; all are still held.
    fn advance(&mut self, expected: &[(i16, i64)]) {
        let asked = self.expect_advance();
        let found: Vec<_> = asked.iter().map(|p| (p.lane.number(), p.sequence)).collect();
        assert_eq!(found, expected);
        let held: Vec<_> = asked.iter().map(|progress| progress.lane).collect();
        self.worker.on_advanced(&asked, self.now, &held);
    }

    fn expect_advance(&mut self) -> Vec<LaneProgress> {
        match self.next() {
            Step::Advance(progress) => progress,
            other => panic!("the worker should advance, not {other:?}"),
        }
    }

    /// Expects that the worker waits, and gives for how long.
    fn waits(&mut self) -> Duration {
        match self.next() {
            Step::Wait(until) => until - self.now,
            other => panic!("the worker should wait, not {other:?}"),
        }
    }

    /// Lets the time of a heartbeat come, with that many workers alive, and all lanes renewed.
    fn heartbeat(&mut self, workers_live: u16, lanes: u16) {
        self.pass(Duration::from_secs(3));
        self.join(workers_live, lanes);
        let asked = self.expect_advance();
        let held: Vec<_> = asked.iter().map(|progress| progress.lane).collect();
        self.worker.on_advanced(&asked, self.now, &held);
    }
}

const POLL: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);

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
fn an_idle_worker_reads_when_something_is_committed_and_when_it_polls() {
    let mut rig = Rig::holding(2);
    rig.read(&[0, 1], &[]);
    rig.waits();
    rig.worker.rung();
    rig.read(&[0, 1], &[]);
    rig.waits();
    rig.pass(POLL);
    rig.read(&[0, 1], &[]);
    rig.waits();
}

#[test]
fn a_commit_during_a_reading_is_read_after_it() {
    let mut rig = Rig::holding(1);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    rig.worker.rung();
    rig.worker.on_read(&reading, vec![], rig.now);
    rig.read(&[0], &[]);
    rig.waits();
}

#[test]
fn a_lane_is_not_read_while_a_send_of_it_is_under_way_or_not_recorded() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1, 2])]);
    rig.worker.rung();
    rig.read(&[1], &[]);
    rig.waits();
    rig.sent(&sends[0]);
    rig.worker.rung();
    rig.advance(&[(0, 2)]);
    let sends = rig.read(&[0, 1], &[(0, &[3])]);
    assert_eq!(sends[0].messages[0].lane_sequence, 3);
}

#[test]
fn the_progress_of_several_lanes_is_recorded_in_one_call() {
    let mut rig = Rig::holding(3);
    let sends = rig.read(&[0, 1, 2], &[(0, &[1]), (2, &[2, 3])]);
    rig.sent(&sends[1]);
    rig.sent(&sends[0]);
    rig.advance(&[(0, 1), (2, 2)]);
}

#[test]
fn a_full_lane_does_not_starve_the_others() {
    let mut rig = Rig::holding(3);
    let full = rig.read(&[0, 1, 2], &[(0, &[1, 2, 3, 4])]);
    rig.sent(&full[0]);
    rig.advance(&[(0, 4)]);
    let second = rig.read(&[1, 2], &[(1, &[5, 6, 7, 8])]);
    rig.sent(&second[0]);
    rig.advance(&[(1, 4)]);
    rig.read(&[2], &[]);
    rig.read(&[0, 1], &[(0, &[9, 10])]);
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
    assert_eq!(sends[0].messages[0].lane_sequence, 3);
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
        rig.worker.on_advanced(&asked, rig.now, &[Lane::from_number(0)]);
    }
    assert!(longest > SECOND);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    let pause = rig.refused(&sends[0], 1).expect("the lane rests");
    assert!(pause <= Duration::from_millis(100), "{pause:?}");
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
    rig.worker.on_advanced(&asked, rig.now, &[Lane::from_number(0)]);
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
    assert_eq!(sends[0].epoch, 1, "nobody else had claimed the lane: nothing is sent twice");
}

#[test]
fn no_send_starts_when_reading_took_until_after_the_deadline() {
    let mut rig = Rig::holding(1);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    rig.pass(SECOND * 9);
    let sends = rig.worker.on_read(&reading, vec![batch(0, &[1], 1)], rig.now);
    assert!(sends.is_empty());
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
fn the_deadline_counts_from_before_the_request_was_sent() {
    let mut rig = Rig::holding(1);
    let start = rig.now;
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.sent(&sends[0]);
    let asked = rig.expect_advance();
    rig.pass(SECOND * 2);
    rig.worker.on_advanced(&asked, start, &[Lane::from_number(0)]);
    rig.pass(SECOND * 6 + Duration::from_millis(999));
    rig.heartbeat_missed();
    assert!(rig.worker.lanes[&Lane::from_number(0)].may_send(rig.now));
    rig.pass(Duration::from_millis(1));
    assert!(!rig.worker.lanes[&Lane::from_number(0)].may_send(rig.now));
}

impl Rig {
    fn heartbeat_missed(&mut self) {
        self.join(1, 1);
        self.expect_advance();
    }
}

#[test]
fn a_lane_that_the_log_refuses_is_dropped_and_its_send_changes_nothing() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1, 2]), (1, &[3])]);
    rig.sent(&sends[1]);
    rig.pass(SECOND * 3);
    rig.join(1, 2);
    let asked = rig.expect_advance();
    let advanced = rig.worker.on_advanced(&asked, rig.now, &[Lane::from_number(1)]);
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
    rig.worker.on_advanced(&asked, rig.now, &[]);
    assert_eq!(rig.next(), Step::Claim(1));
    rig.claimed(&[lease(0, 3)]);
    rig.worker.rung();
    rig.waits();
    rig.sent(&sends[0]);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    assert_eq!((sends[0].epoch, sends[0].messages[0].lane_sequence), (3, 1));
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
fn windows_without_events_move_the_position_with_the_next_renewal() {
    let mut rig = Rig::holding(1);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    rig.worker.on_read(&reading, vec![batch(0, &[], 70)], rig.now);
    rig.waits();
    rig.pass(SECOND * 3);
    rig.join(1, 1);
    let progress = rig.expect_advance();
    assert_eq!((progress[0].cursor, progress[0].sequence), (cursor(70), 0));
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

#[test]
fn a_lane_that_cannot_be_read_is_found_and_rests_while_the_others_go_on() {
    let mut rig = Rig::holding(3);
    let Step::Read(all) = rig.next() else { panic!("the worker should read") };
    assert!(!rig.worker.on_unreadable(&all, rig.now));
    rig.read(&[0], &[(0, &[1])]);
    let Step::Read(one) = rig.next() else { panic!("the worker should read") };
    assert_eq!(one.leases, [lease(1, 1)]);
    assert!(rig.worker.on_unreadable(&one, rig.now));
    rig.read(&[2], &[]);
    let pause = rig.waits();
    assert!(pause <= Duration::from_millis(100));
    rig.worker.rung();
    rig.read(&[2], &[]);
    rig.pass(pause);
    rig.read(&[1], &[]);
}

#[test]
fn a_worker_that_is_stopped_ends_its_sends_records_gives_back_and_signs_off() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1]), (1, &[2, 3])]);
    rig.worker.stop(rig.now);
    rig.waits();
    rig.sent(&sends[0]);
    rig.advance(&[(0, 1)]);
    rig.refused(&sends[1], 1);
    rig.advance(&[(1, 1)]);
    let Step::Release(leases) = rig.next() else { panic!("the leases should be given back") };
    assert_eq!(leases.iter().map(|lease| lease.sequence).collect::<Vec<_>>(), [1, 1]);
    rig.worker.on_released();
    assert_eq!(rig.next(), Step::End(Ending::Clean));
}

#[test]
fn a_worker_that_never_joined_ends_at_once() {
    let mut rig = Rig::new();
    rig.next();
    rig.worker.on_error(rig.now);
    rig.worker.stop(rig.now);
    assert_eq!(rig.next(), Step::End(Ending::Clean));
}

#[test]
fn a_worker_that_cannot_reach_the_log_gives_up_stopping_after_the_time_of_a_lease() {
    let mut rig = Rig::holding(2);
    rig.worker.stop(rig.now);
    let start = rig.now;
    loop {
        match rig.next() {
            Step::Wait(until) => rig.now = until,
            Step::End(ending) => {
                assert_eq!(ending, Ending::GaveUp { lanes: 2 });
                break;
            }
            _ => drop(rig.worker.on_error(rig.now)),
        }
    }
    assert_eq!(rig.now - start, SECOND * 10);
}

#[test]
fn a_send_that_was_broken_off_is_sent_again() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[(0, &[1, 2])]);
    let error = Error::new(ErrorKind::Unavailable, "publish", "panicked");
    let lost = SendOutcome::lost(Lane::from_number(0), 1, error);
    let pause = rig.worker.on_sent(&lost, rig.now).expect("the lane rests");
    rig.pass(pause);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    assert_eq!(sends[0].messages[0].lane_sequence, 1);
}
