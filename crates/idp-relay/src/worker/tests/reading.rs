//! Which lanes are read, and when.

use super::*;

#[test]
fn an_idle_worker_reads_when_something_is_committed_and_when_it_polls() {
    let mut rig = Rig::holding(2);
    rig.read(&[0, 1], &[]);
    rig.waits();
    rig.worker.rung(rig.now);
    rig.read(&[0, 1], &[]);
    rig.waits();
    rig.pass(POLL);
    rig.read(&[0, 1], &[]);
    rig.waits();
}

#[test]
fn commits_that_come_right_after_a_call_are_read_together_for_half_as_long_as_it_took() {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    rig.worker.called(Duration::from_millis(8), rig.now);
    rig.worker.rung(rig.now);
    assert_eq!(rig.waits(), Duration::from_millis(4));
    rig.pass(Duration::from_millis(3));
    rig.worker.rung(rig.now);
    assert_eq!(rig.waits(), Duration::from_millis(1));
    rig.pass(Duration::from_millis(1));
    rig.read(&[0], &[]);
    rig.waits();
}

#[test]
fn a_lane_that_was_cut_is_read_on_without_being_rung_for() {
    let mut rig = Rig::holding(2);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    let cut = LaneBatch { has_more: true, ..batch(0, &[], 70) };
    rig.worker.on_read(&reading, vec![cut], rig.now);
    let Step::Read(reading) = rig.next() else { panic!("the lane has more") };
    assert_eq!(reading.lanes(), [Lane::from_number(0)]);
    rig.worker.on_read(&reading, vec![], rig.now);
    rig.waits();
}

#[test]
fn a_commit_during_a_reading_is_read_after_it() {
    let mut rig = Rig::holding(1);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    rig.worker.rung(rig.now);
    rig.worker.on_read(&reading, vec![], rig.now);
    rig.read(&[0], &[]);
    rig.waits();
}

#[test]
fn a_lane_is_not_read_while_a_send_of_it_is_under_way_or_not_recorded() {
    let mut rig = Rig::holding(2);
    let sends = rig.read(&[0, 1], &[(0, &[1, 2])]);
    rig.worker.rung(rig.now);
    rig.read(&[1], &[]);
    rig.waits();
    rig.sent(&sends[0]);
    rig.worker.rung(rig.now);
    rig.advance(&[(0, 2)]);
    let sends = rig.read(&[0, 1], &[(0, &[3])]);
    assert_eq!(sends[0].messages[0].sequence, 3);
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
fn windows_without_events_move_the_position_with_the_next_renewal() {
    let mut rig = Rig::holding(1);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    rig.worker.on_read(&reading, vec![batch(0, &[], 70)], rig.now);
    rig.waits();
    rig.pass(SECOND * 3);
    rig.join(1, 1);
    let progress = rig.expect_advance();
    assert_eq!((progress[0].progress.cursor, progress[0].progress.sequence), (cursor(70), 0));
}

#[test]
fn a_lane_that_cannot_be_read_is_found_and_rests_while_the_others_go_on() {
    let mut rig = Rig::holding(3);
    let Step::Read(all) = rig.next() else { panic!("the worker should read") };
    assert!(!rig.worker.on_unreadable(&all.lanes(), rig.now));
    rig.read(&[0], &[(0, &[1])]);
    let Step::Read(one) = rig.next() else { panic!("the worker should read") };
    assert_eq!(one.leases, [lease(1, 1)]);
    assert!(rig.worker.on_unreadable(&one.lanes(), rig.now));
    rig.read(&[2], &[]);
    let pause = rig.waits();
    assert!(pause <= Duration::from_millis(100));
    rig.worker.rung(rig.now);
    rig.read(&[2], &[]);
    rig.pass(pause);
    rig.read(&[1], &[]);
}

/// Answers what is read now with events at those positions, behind which there are more; all of it is sent
/// and recorded. Gives how many events were asked for, and how many were sent of each lane.
fn drains(rig: &mut Rig, found: &[(i16, &[i64])]) -> (u32, Vec<usize>) {
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    let cut = found.iter().map(|(lane, positions)| {
        let through = *positions.last().expect("events");
        LaneBatch { has_more: true, ..batch(*lane, positions, through) }
    });
    let sends = rig.worker.on_read(&reading, cut.collect(), rig.now);
    sends.iter().for_each(|send| rig.sent(send));
    let asked = rig.expect_advance();
    let held: Vec<_> = asked.iter().map(|record| record.progress.lane).collect();
    rig.worker.on_recorded(&asked, rig.now, &held);
    (reading.limit, sends.iter().map(|send| send.messages.len()).collect())
}

#[test]
fn a_backlog_is_read_in_larger_pages_and_no_send_is_larger_for_that() {
    let mut rig = Rig::holding(2);
    assert_eq!(drains(&mut rig, &[(0, &[1, 3]), (1, &[2, 4])]), (4, vec![2, 2]));
    let of_one: &[i64] = &[5, 6, 7, 8, 9, 10, 11];
    assert_eq!(drains(&mut rig, &[(0, of_one), (1, &[12])]), (8, vec![4, 1]));
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    let places: Vec<_> = reading.leases.iter().map(|lease| lease.cursor.position).collect();
    assert_eq!((reading.limit, places), (4, vec![8, 12]), "what was too much is read once more");
}

#[test]
fn after_a_failure_of_the_log_no_more_is_asked_for_than_usual() {
    let mut rig = Rig::holding(2);
    drains(&mut rig, &[(0, &[1, 3]), (1, &[2, 4])]);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    assert_eq!(reading.limit, 8);
    rig.worker.on_error(rig.now);
    rig.pass(SECOND);
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    assert_eq!(reading.limit, 4);
}

#[test]
fn a_worker_that_is_to_spare_the_database_records_at_once_and_reads_on_when_its_part_of_the_time_is_over()
 {
    let config = RelayConfig { log_percent_max: 20, ..RelayConfig::default() };
    let mut rig = Rig::of(&config).claims(1);
    let sends = rig.read(&[0], &[(0, &[1, 2])]);
    rig.worker.called(Duration::from_millis(3), rig.now);
    rig.sent(&sends[0]);
    rig.advance(&[(0, 2)]);
    rig.worker.called(Duration::from_millis(2), rig.now);
    rig.worker.rung(rig.now);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.waits(), Duration::from_millis(19), "four times 5 ms, less the one that passed");
    rig.pass(Duration::from_millis(19));
    rig.read(&[0], &[]);
}
