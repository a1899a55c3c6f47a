//! Lanes of which something cannot be recorded or read, and the others, which go on.

use super::*;
use std::collections::BTreeSet;

fn lanes_of(records: &[LaneRecord]) -> Vec<i16> {
    records.iter().map(|record| record.progress.lane.number()).collect()
}

impl Rig {
    /// Records until the worker wants something else, with a log that fails whenever that lane is among
    /// those to record. Gives what it wants then.
    fn record_but(&mut self, broken: i16) -> Step {
        for _ in 0..100 {
            let records = match self.next() {
                Step::Record(records) => records,
                Step::Wait(until) if until - self.now <= Duration::from_millis(100) => {
                    self.now = until;
                    continue;
                }
                step => return step,
            };
            let asked: BTreeSet<Lane> = records.iter().map(|r| r.progress.lane).collect();
            if asked.contains(&Lane::from_number(broken)) {
                self.worker.on_unrecorded(&asked, self.now);
                let pause = self.worker.on_error(self.now);
                self.pass(pause);
            } else {
                let held: Vec<Lane> = asked.into_iter().collect();
                self.worker.on_recorded(&records, self.now, &held);
            }
        }
        panic!("the worker records without an end");
    }

    /// Waits until there is something to do.
    fn wait(&mut self) -> Step {
        loop {
            match self.next_after_join() {
                Step::Wait(until) => self.now = until,
                step => return step,
            }
        }
    }

    fn next_after_join(&mut self) -> Step {
        let step = self.next();
        if let Step::Join = step {
            self.worker.on_joined(Membership { workers_live: 1, lanes: 1, events_missed: 0 });
            return self.next();
        }
        step
    }
}

#[test]
fn a_lane_that_cannot_be_recorded_does_not_keep_the_others_from_it() {
    let mut rig = Rig::holding(4);
    let sends = rig.read(&[0, 1, 2, 3], &[(0, &[1]), (2, &[2]), (3, &[3])]);
    sends.iter().for_each(|send| rig.sent(send));
    match rig.record_but(2) {
        Step::Read(reading) => {
            let lanes: Vec<i16> = reading.lanes().iter().map(|lane| lane.number()).collect();
            assert_eq!(lanes, [0, 1, 3], "they go on");
            assert_eq!(rig.worker.lanes_failing(), 1);
        }
        other => panic!("the worker should read, not {other:?}"),
    }
}

#[test]
fn a_lane_that_could_not_be_recorded_is_offered_again_after_pauses_that_grow() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.sent(&sends[0]);
    let asked = [Lane::from_number(0)].into();
    let (start, mut attempts) = (rig.now, 0);
    while rig.now < start + SECOND * 30 {
        if let Step::Record(records) = rig.wait() {
            assert_eq!(lanes_of(&records), [0]);
            assert!(rig.worker.on_unrecorded(&asked, rig.now), "it is known which");
            attempts += 1;
        }
    }
    assert!((5..50).contains(&attempts), "{attempts}");
    assert!(matches!(rig.wait(), Step::Record(_)));
    rig.advance(&[(0, 1)]);
    rig.read(&[0], &[]);
}

#[test]
fn a_worker_that_stops_waits_for_a_lane_that_could_not_be_recorded() {
    let mut rig = Rig::holding(1);
    let sends = rig.read(&[0], &[(0, &[1])]);
    rig.sent(&sends[0]);
    rig.worker.stop(rig.now);
    rig.expect_advance();
    rig.worker.on_unrecorded(&[Lane::from_number(0)].into(), rig.now);
    let pause = rig.waits();
    rig.pass(pause);
    rig.advance(&[(0, 1)]);
    assert!(matches!(rig.next(), Step::Release(leases) if leases[0].sequence == 1));
}

#[test]
fn a_suspect_lane_gets_its_turn_while_the_others_always_have_news() {
    let mut rig = Rig::holding(3);
    let Step::Read(all) = rig.next() else { panic!("the worker should read") };
    rig.worker.on_unreadable(&all.lanes()[2..], rig.now);
    rig.pass(SECOND / 5);
    for _ in 0..3 {
        rig.worker.rung(rig.now);
        let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
        if reading.lanes() == [Lane::from_number(2)] {
            return;
        }
        rig.worker.on_read(&reading, vec![], rig.now);
    }
    panic!("the lane is not tried");
}

#[test]
fn what_is_set_aside_and_cannot_be_read_holds_up_neither_the_log_nor_other_lanes() {
    let mut rig = Rig::holding(2);
    let mut asked_alone = Vec::new();
    for _ in 0..100 {
        match rig.worker.next(rig.now) {
            Step::Blocked(lanes) => rig.worker.on_blocked(&lanes, Vec::new()),
            Step::Policies => rig.worker.on_policies(Vec::new(), rig.now),
            Step::Tracks(leases) => {
                let none = |lease: &LaneLease| LaneTracks {
                    lane: lease.lane,
                    revision: 0,
                    tracks: Vec::new(),
                };
                rig.worker.on_tracks(&leases, leases.iter().map(none).collect(), rig.now);
            }
            Step::Due(leases) if leases.iter().any(|lease| lease.lane == Lane::from_number(1)) => {
                rig.worker.on_due_unreadable(&leases);
            }
            Step::Due(leases) => {
                asked_alone.extend(leases.iter().map(|lease| lease.lane.number()));
                rig.worker.on_due(&leases, Due::default(), rig.now);
            }
            Step::Read(reading) => {
                assert_eq!(reading.lanes().len(), 2, "both are read");
                assert_eq!(asked_alone, [0], "the healthy one was asked for");
                assert_eq!(rig.worker.lanes_failing(), 1);
                return;
            }
            other => panic!("the worker should read, not {other:?}"),
        }
    }
    panic!("the worker asks without an end");
}

#[test]
fn a_healthy_lane_gets_its_turn_while_suspects_always_have_news() {
    let mut rig = Rig::holding(3);
    let Step::Read(all) = rig.next() else { panic!("the worker should read") };
    rig.worker.on_unreadable(&all.lanes()[1..], rig.now);
    for _ in 0..3 {
        rig.worker.rung(rig.now);
        let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
        if reading.lanes() == [Lane::from_number(0)] {
            return;
        }
        rig.worker.on_unreadable(&all.lanes()[1..], rig.now);
    }
    panic!("the healthy lane is not read");
}

#[test]
fn what_is_blocked_in_a_damaged_lane_is_asked_for_alone() {
    let mut rig = Rig::new();
    rig.join(1, 3);
    assert_eq!(rig.next(), Step::Claim(3));
    rig.claimed(&[lease(0, 1), lease(1, 1), lease(2, 1)]);
    for _ in 0..100 {
        match rig.worker.next(rig.now) {
            Step::Blocked(lanes) if lanes.contains(&Lane::from_number(1)) => {
                rig.worker.on_unreadable(&lanes, rig.now);
            }
            Step::Blocked(lanes) => rig.worker.on_blocked(&lanes, Vec::new()),
            Step::Read(reading) => {
                assert!(!reading.lanes().contains(&Lane::from_number(1)));
                return;
            }
            Step::Policies => rig.worker.on_policies(Vec::new(), rig.now),
            Step::Due(leases) => {
                rig.worker.on_due(&leases, Due::default(), rig.now);
            }
            Step::Tracks(leases) => {
                let none = |lease: &LaneLease| LaneTracks {
                    lane: lease.lane,
                    revision: 0,
                    tracks: Vec::new(),
                };
                rig.worker.on_tracks(&leases, leases.iter().map(none).collect(), rig.now);
            }
            other => panic!("the healthy lanes should be read, not {other:?}"),
        }
    }
    panic!("the healthy lanes wait for the damaged one");
}
