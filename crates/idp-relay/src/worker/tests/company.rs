//! Lanes of a backlog go together.

use super::{Rig, Step, batch, cursor};
use crate::worker::Send;
use idp_application::{Lane, LaneBatch, LaneTracks, TenantPolicy, TenantTrack, TrackBatch};
use idp_domain::TenantId;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Reads one event of each of four lanes, behind which there are more, under the positions from that one on.
fn reads_all(rig: &mut Rig, first: i64) -> Vec<Send> {
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    let found = (0..4).map(|lane| {
        let position = first + i64::from(lane);
        LaneBatch { has_more: true, ..batch(lane, &[position], position) }
    });
    rig.worker.on_read(&reading, found.collect(), rig.now)
}

/// One whose sends of a backlog are under way in all of its four lanes, after a reading of 10 ms.
fn sending() -> (Rig, Vec<Send>) {
    let mut rig = Rig::holding(4);
    let sends = reads_all(&mut rig, 1);
    sends.iter().for_each(|send| rig.sent(send));
    rig.advance(&[(0, 1), (1, 1), (2, 1), (3, 1)]);
    let sends = reads_all(&mut rig, 5);
    rig.worker.read_took(MS * 10, rig.now);
    (rig, sends)
}

#[test]
fn lanes_of_a_backlog_wait_for_those_that_are_being_sent_until_they_are_half() {
    let (mut rig, sends) = sending();
    rig.sent(&sends[0]);
    rig.advance(&[(0, 2)]);
    assert_eq!(rig.waits(), MS * 10);
    rig.sent(&sends[1]);
    rig.advance(&[(1, 2)]);
    let Step::Read(reading) = rig.next() else { panic!("half of them are ready") };
    assert_eq!(reading.lanes(), [0, 1].map(Lane::from_number));
    assert_eq!(reading.limit, 4, "of 8 for all lanes");
}

#[test]
fn a_lane_that_could_not_be_recorded_is_not_waited_for() {
    let (mut rig, sends) = sending();
    for lane in [1, 2] {
        rig.sent(&sends[lane]);
        let records = rig.expect_advance();
        rig.worker.on_unrecorded(&[records[0].progress.lane].into(), rig.now);
    }
    rig.sent(&sends[0]);
    rig.advance(&[(0, 2)]);
    let Step::Read(reading) = rig.next() else { panic!("one of two that can go on is half") };
    assert_eq!(reading.lanes(), [Lane::from_number(0)]);
}

#[test]
fn no_lane_waits_for_others_longer_than_a_reading_takes() {
    let (mut rig, sends) = sending();
    rig.sent(&sends[2]);
    rig.advance(&[(2, 2)]);
    rig.pass(MS * 9);
    assert_eq!(rig.waits(), MS);
    rig.pass(MS);
    let Step::Read(reading) = rig.next() else { panic!("the others are slow") };
    assert_eq!(reading.lanes(), [Lane::from_number(2)]);
}

#[test]
fn without_a_backlog_no_lane_waits_for_others() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1]), (1, &[2])]);
    rig.worker.read_took(MS * 10, rig.now);
    rig.sent(&sends[1]);
    rig.advance(&[(1, 1)]);
    rig.worker.rung(rig.now);
    rig.read(&[1], &[]);
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

/// One with three lanes in which acme and globex are split off.
fn apart() -> Rig {
    let mut rig = Rig::holding(3);
    let Step::Read(_) = rig.next() else { panic!("there may be something in the lanes") };
    for lane in 0..3 {
        let track = |name| TenantTrack {
            tenant: tenant(name),
            generation: 1,
            cursor: cursor(0),
            sequence: 0,
        };
        let tracks = vec![track("acme"), track("globex")];
        let known = LaneTracks { lane: Lane::from_number(lane), revision: 2, tracks };
        let work = rig.worker.lanes.get_mut(&known.lane).expect("it is held");
        work.passed_over(crate::worker::send::Place { cursor: cursor(90), sequence: 90 });
        work.news_read = rig.worker.news;
        work.tracks.get_or_insert_default().learn(known);
    }
    rig
}

/// Whose turn it is in each lane.
fn whose(rig: &Rig) -> Vec<String> {
    let lanes: Vec<_> = rig.worker.lanes.values().collect();
    let turns = rig.worker.turns_together(&lanes, rig.now);
    turns.iter().map(|turn| turn.tenant().map_or("main", TenantId::as_str).to_owned()).collect()
}

/// A tenant had so many events of a lane, in the place of one that had none.
fn had(rig: &mut Rig, lane: i16, name: &str, events: f64) {
    let work = rig.worker.lanes.get_mut(&Lane::from_number(lane)).expect("it is held");
    work.tracks.get_or_insert_default().serve(Some(&tenant(name)), events, 0.0);
}

/// There was more of both in that lane than was read.
fn is_behind(rig: &mut Rig, lane: i16) {
    let work = rig.worker.lanes.get_mut(&Lane::from_number(lane)).expect("it is held");
    for track in work.tracks.get_or_insert_default().by_tenant.values_mut() {
        track.is_behind = true;
    }
}

#[test]
fn lanes_serve_the_same_tenant_while_that_puts_nobody_back_by_more_than_a_batch() {
    let mut rig = apart();
    assert_eq!(whose(&rig), ["acme", "acme", "acme"]);
    had(&mut rig, 2, "acme", 4.0);
    assert_eq!(whose(&rig), ["acme", "acme", "globex"], "who is not behind does not wait");
    is_behind(&mut rig, 2);
    assert_eq!(whose(&rig), ["acme", "acme", "acme"]);
    had(&mut rig, 2, "acme", 1.0);
    assert_eq!(whose(&rig), ["acme", "acme", "globex"], "five is more than a batch");
}

#[test]
fn a_tenant_with_a_policy_keeps_its_turn() {
    let mut rig = apart();
    had(&mut rig, 2, "acme", 1.0);
    is_behind(&mut rig, 2);
    let heavy = TenantPolicy { weight: 2, ..TenantPolicy::usual(tenant("globex")) };
    rig.worker.on_policies(vec![heavy], rig.now);
    assert_eq!(whose(&rig)[2], "main", "a policy is news");
    for work in rig.worker.lanes.values_mut() {
        work.news_read = rig.worker.news;
    }
    assert_eq!(whose(&rig), ["acme", "acme", "globex"]);
}

#[test]
fn the_tracks_of_a_backlog_are_read_in_larger_pages() {
    let mut rig = apart();
    rig.advance(&[(0, 90), (1, 90), (2, 90)]);
    let Step::ReadTracks(reading) = rig.next() else { panic!("tracks should be read") };
    assert_eq!(reading.limit, 4);
    let found = reading.turns.iter().map(|turn| {
        let mut read = TrackBatch::at(&reading.readings()[0]);
        read.lane = turn.lease.lane;
        let given = if read.lane.number() == 0 { 1..=2 } else { 3..=3 };
        given.for_each(|at| read.give(cursor(at), crate::worker::sample::envelope(at)));
        read
    });
    let found = found.collect();
    rig.worker.on_tracks_read(&reading, found, rig.now);
    assert_eq!(rig.worker.limit_of(&rig.worker.pages_apart, 3), 8);
    assert!(rig.worker.has_backlog());
    for work in rig.worker.lanes.values_mut() {
        work.tracks.get_or_insert_default().by_tenant.clear();
    }
    assert!(!rig.worker.has_backlog(), "that was of tracks, which are gone");
}

#[test]
fn what_is_new_on_the_main_track_comes_before_going_together() {
    let mut rig = apart();
    had(&mut rig, 2, "acme", 4.0);
    is_behind(&mut rig, 2);
    rig.worker.news += 1;
    let news = rig.worker.news;
    for (lane, work) in &mut rig.worker.lanes {
        if lane.number() < 2 {
            work.news_read = news;
        } else {
            // So that it is not its turn.
            work.tracks.get_or_insert_default().serve(None, 10.0, 0.0);
        }
    }
    assert_eq!(whose(&rig), ["acme", "acme", "globex"]);
    rig.worker.lanes.values_mut().for_each(|work| work.news_read = news);
    assert_eq!(whose(&rig), ["acme", "acme", "acme"]);
}

#[test]
fn pages_are_small_again_when_most_lanes_came_to_their_end() {
    let (mut rig, sends) = sending();
    rig.sent(&sends[2]);
    rig.advance(&[(2, 2)]);
    rig.pass(MS * 10);
    let Step::Read(reading) = rig.next() else { panic!("one lane is read alone") };
    rig.worker.on_read(&reading, Vec::new(), rig.now);
    assert!(rig.worker.has_backlog(), "that was one lane of four");
    for lane in [0, 1, 3] {
        rig.sent(&sends[lane]);
    }
    rig.advance(&[(0, 2), (1, 2), (3, 2)]);
    let Step::Read(reading) = rig.next() else { panic!("the others are read") };
    rig.worker.on_read(&reading, Vec::new(), rig.now);
    assert!(!rig.worker.has_backlog());
}
