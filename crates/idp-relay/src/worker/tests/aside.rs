//! What is set aside, and sent later.

use super::*;
use crate::worker::sample::envelope;
use idp_application::{
    AsideReason, BlockedKey, DeliveryKey, PublishFailure, Settled, Settlement, SideBatch, SideEntry,
};

fn refusal(accepted: usize) -> PublishError {
    PublishError::refused(accepted, "too large")
}

fn key(position: i64) -> DeliveryKey {
    DeliveryKey::of(&envelope(position))
}

/// The numbers and reasons of what the worker wants set aside of lane 0.
fn aside(record: &LaneRecord) -> Vec<(i64, &'static str)> {
    let reason = |reason: &AsideReason| match reason {
        AsideReason::Refused(_) => "refused",
        AsideReason::Behind => "behind",
        AsideReason::Scheduled(_) => "scheduled",
    };
    record.aside.iter().map(|aside| (aside.sequence, reason(&aside.reason))).collect()
}

fn due(sequence: i64, position: i64) -> Due {
    let entries = vec![SideEntry { sequence, envelope: envelope(position) }];
    Due { batches: vec![SideBatch { lane: Lane::from_number(0), entries }], next: None }
}

impl Rig {
    /// The next step that is neither a heartbeat's nor about what is set aside.
    fn next_after_heartbeat(&mut self) -> Step {
        match self.next() {
            Step::Join => {
                let membership = Membership { workers_live: 1, lanes: 6, events_missed: 0 };
                self.worker.on_joined(membership);
                self.next_after_heartbeat()
            }
            Step::Record(records) => {
                let held: Vec<_> = records.iter().map(|record| record.progress.lane).collect();
                self.worker.on_recorded(&records, self.now, &held);
                self.next_after_heartbeat()
            }
            step => step,
        }
    }

    /// Until the worker asks what is due; gives what it sends of it.
    fn answer_due(&mut self, due: Due) -> Vec<Send> {
        match self.worker.next(self.now) {
            Step::Due(leases) => self.worker.on_due(&leases, due, self.now),
            other => panic!("the worker should ask what is due, not {other:?}"),
        }
    }

    fn expect_settle(&mut self) -> Settlement {
        match self.next() {
            Step::Settle(settlement) => settlement,
            other => panic!("the worker should settle, not {other:?}"),
        }
    }
}

#[test]
fn a_refused_event_is_set_aside_with_those_of_its_key_and_the_lane_flows_on() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1, 2, 3, 4])]);
    let outcome = sends[0].ticket.clone().outcome(Some(refusal(1)));
    assert_eq!(rig.worker.on_sent(outcome, rig.now), None, "no reason to pause");
    rig.advance(&[(0, 1)]);
    let sends = rig.read(&[0], &[(0, &[2, 3, 4, 5])]);
    let numbers: Vec<_> = sends[0].messages.iter().map(|message| message.sequence).collect();
    assert_eq!(numbers, [3, 4], "5 is of the same aggregate as 2");
    rig.sent(&sends[0]);
    let records = rig.expect_advance();
    assert_eq!(aside(&records[0]), [(2, "refused"), (5, "behind")]);
    assert_eq!(records[0].progress.sequence, 5);
    rig.worker.on_recorded(&records, rig.now, &[Lane::from_number(0)]);
    assert_eq!(rig.worker.keys_blocked(), 1);
}

#[test]
fn what_is_set_aside_is_recorded_again_until_the_log_has_it() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.worker.on_sent(sends[0].ticket.clone().outcome(Some(refusal(0))), rig.now);
    assert!(rig.read(&[0], &[(0, &[1])]).is_empty(), "nothing for the bus");
    let records = rig.expect_advance();
    rig.worker.on_error(rig.now);
    rig.pass(SECOND);
    assert_eq!(rig.expect_advance(), records);
    assert_eq!(aside(&records[0]), [(1, "refused")]);
}

#[test]
fn keys_that_were_blocked_before_the_tenure_stay_blocked() {
    let mut rig = Rig::new();
    rig.join(1, 1);
    assert_eq!(rig.next(), Step::Claim(1));
    rig.claimed(&[lease(0, 1)]);
    let lane = Lane::from_number(0);
    assert_eq!(rig.worker.next(rig.now), Step::Policies);
    rig.worker.on_policies(Vec::new(), rig.now);
    let Step::Blocked(lanes) = rig.worker.next(rig.now) else { panic!("nothing is known yet") };
    rig.worker.on_blocked(&lanes, vec![BlockedKey { lane, key: key(2), events: 1 }]);
    let sends = rig.read(&[0], &[(0, &[1, 2, 3])]);
    assert_eq!(sends[0].messages.len(), 2);
}

#[test]
fn what_is_due_is_sent_under_its_own_numbers_settled_and_unblocks_its_key() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    for work in rig.worker.lanes.values_mut() {
        work.blocked.as_mut().expect("it was asked for").insert(key(1), 1);
    }
    rig.waits();
    rig.pass(SECOND);
    let sends = rig.answer_due(due(7, 1));
    assert_eq!(sends[0].messages[0].sequence, 7);
    assert_eq!(sends[0].messages[0].stream.to_string(), "bus/0/side");
    rig.sent(&sends[0]);
    let settlement = rig.expect_settle();
    assert_eq!((settlement.through, settlement.refused.is_none()), (7, true));
    let done = Settled::Done { unblocked: vec![key(1)] };
    assert!(!rig.worker.on_settled(&settlement, &done));
    assert_eq!(rig.worker.keys_blocked(), 0);
    assert!(rig.answer_due(Due::default()).is_empty(), "there may have been more");
}

#[test]
fn a_lane_is_read_on_only_when_what_was_sent_of_its_side_track_is_settled() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    rig.pass(SECOND);
    let sends = rig.answer_due(due(1, 1));
    rig.worker.rung(rig.now);
    rig.waits();
    rig.sent(&sends[0]);
    let settlement = rig.expect_settle();
    rig.worker.on_error(rig.now);
    rig.pass(SECOND);
    assert_eq!(rig.expect_settle(), settlement, "offered again");
}

#[test]
fn a_message_of_a_side_track_that_is_refused_again_is_settled_as_refused() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    rig.pass(SECOND);
    let sends = rig.answer_due(due(4, 1));
    rig.worker.on_sent(sends[0].ticket.clone().outcome(Some(refusal(0))), rig.now);
    let settlement = rig.expect_settle();
    assert_eq!(settlement.through, 0);
    assert_eq!(settlement.refused.expect("refused").0, 4);
}

#[test]
fn a_lane_whose_settlement_is_fenced_is_lost() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    rig.pass(SECOND);
    let sends = rig.answer_due(due(4, 1));
    rig.sent(&sends[0]);
    let settlement = rig.expect_settle();
    assert!(rig.worker.on_settled(&settlement, &Settled::Fenced));
    assert_eq!(rig.worker.lanes_held(), 0);
}

#[test]
fn the_time_of_the_next_scheduled_event_wakes_the_worker() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    rig.pass(SECOND);
    let next = Some(Duration::from_millis(120));
    assert!(rig.answer_due(Due { batches: vec![], next }).is_empty());
    rig.read(&[0], &[]);
    assert_eq!(rig.waits(), Duration::from_millis(120));
}

#[test]
fn a_lane_in_which_no_more_may_be_set_aside_stands_still_and_asks_anew() {
    let mut rig = Rig::holding(1);
    rig.worker.config.parked_keys_max = 0;
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.worker.on_sent(sends[0].ticket.clone().outcome(Some(refusal(0))), rig.now);
    assert!(rig.read(&[0], &[(0, &[1])]).is_empty());
    assert_eq!(rig.worker.lanes_stalled(), 1);
    let Step::Wait(until) = rig.worker.next(rig.now) else { panic!("the lane rests") };
    rig.now = until;
    let Step::Blocked(_) = rig.worker.next(rig.now) else { panic!("an operator may have helped") };
}

#[test]
fn a_bus_that_fails_in_many_lanes_is_tried_by_one_until_it_takes_something() {
    let mut rig = Rig::holding(6);
    let found: [(i16, &[i64]); 4] = [(0, &[1]), (1, &[2]), (2, &[3]), (3, &[4])];
    rig.worker.config.batch_size = 100;
    let sends = rig.read(&[0, 1, 2, 3, 4, 5], &found);
    for send in &sends {
        rig.refused(send, 0);
    }
    let sends = {
        rig.worker.rung(rig.now);
        rig.read(&[4, 5], &[(4, &[5])])
    };
    rig.refused(&sends[0], 0);
    assert!(rig.worker.is_bus_away());
    rig.pass(Duration::from_secs(2)); // All pauses are over.
    let Step::Read(reading) = rig.next_after_heartbeat() else { panic!("one lane tries") };
    assert_eq!(reading.leases.len(), 1);
    let lane = reading.leases[0].lane.number();
    let sends = rig.worker.on_read(&reading, vec![batch(lane, &[1], 1)], rig.now);
    rig.sent(&sends[0]);
    assert!(!rig.worker.is_bus_away());
}

#[test]
fn a_bus_that_asks_to_be_spared_is_spared_for_so_long() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1])]);
    let spare = Some(Duration::from_millis(2_500));
    let throttled = PublishError::throttled(0, spare, "slow down");
    rig.worker.on_sent(sends[0].ticket.clone().outcome(Some(throttled)), rig.now);
    rig.worker.rung(rig.now);
    assert!(matches!(rig.next(), Step::Wait(_)));
    rig.pass(Duration::from_millis(2_499));
    assert!(matches!(rig.next(), Step::Wait(_)));
    rig.pass(Duration::from_millis(1));
    assert!(matches!(rig.next(), Step::Read(_)));
}

#[test]
fn a_bus_that_took_a_part_and_asks_for_no_pause_is_given_the_rest_at_once() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1, 2, 3])]);
    let more = PublishError::throttled(2, Some(Duration::ZERO), "more to come");
    let outcome = sends[0].ticket.clone().outcome(Some(more));
    assert_eq!(rig.worker.on_sent(outcome, rig.now), None);
    assert!(!rig.worker.is_bus_away());
    rig.advance(&[(0, 2)]);
    assert_eq!(rig.read(&[0], &[(0, &[3])])[0].messages[0].sequence, 3);
}

#[test]
fn a_bus_that_knows_a_newer_owner_suspends_the_lane_until_the_log_has_spoken() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    let fenced = PublishError::fenced(1, "a newer epoch");
    assert_eq!(fenced.failure, PublishFailure::Fenced);
    rig.worker.on_sent(sends[0].ticket.clone().outcome(Some(fenced)), rig.now);
    let records = rig.expect_advance();
    assert_eq!(records[0].progress.sequence, 1);
    rig.worker.on_recorded(&records, rig.now, &[]);
    assert_eq!(rig.worker.lanes_held(), 0);
}

#[test]
fn a_worker_that_only_drains_ends_when_everything_is_read() {
    let mut rig = Rig::holding(1);
    rig.worker.config.ends_when_drained = true;
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.waits();
    rig.sent(&sends[0]);
    rig.advance(&[(0, 1)]);
    let Step::Release(_) = rig.next() else { panic!("all is read") };
    rig.worker.on_released();
    assert_eq!(rig.next(), Step::End(Ending::Clean));
}

#[test]
fn a_worker_that_only_drains_tries_what_is_due_until_it_is_sent() {
    let mut rig = Rig::holding(1);
    rig.worker.config.ends_when_drained = true;
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.sent(&sends[0]);
    rig.advance(&[(0, 1)]);
    rig.worker.lanes.values_mut().for_each(|work| work.side_pending = true);
    let sends = rig.answer_due(due(1, 1));
    let pause = rig.refused(&sends[0], 0).expect("the bus is away");
    let Step::Wait(until) = rig.worker.next(rig.now) else { panic!("it does not end") };
    assert!(until <= rig.now + pause);
    rig.pass(pause);
    let sends = rig.answer_due(due(1, 1));
    rig.sent(&sends[0]);
    let settlement = rig.expect_settle();
    let done = Settled::Done { unblocked: vec![key(1)] };
    rig.worker.on_settled(&settlement, &done);
    assert!(rig.answer_due(Due::default()).is_empty());
    let Step::Release(_) = rig.worker.next(rig.now) else { panic!("all is read and sent") };
}
