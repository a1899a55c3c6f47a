//! Lanes that one tenant fills.

use super::{Rig, SECOND, Step, batch, cursor};
use crate::worker::TracksReading;
use idp_application::{
    Lane, LaneBatch, LaneTracks, TenantScope, TenantTrack, TrackBatch, TrackChange, TrackEvent,
};
use idp_domain::TenantId;

fn acme() -> TenantId {
    TenantId::new("acme").expect("valid")
}

fn lane() -> Lane {
    Lane::from_number(0)
}

/// One that sent these events of a lane with many more, all of acme as the sample is.
fn crowded(fair_backlog: u32, pages: &[&[i64]]) -> Rig {
    let mut rig = Rig::holding(1);
    rig.worker.config.fair_backlog = fair_backlog;
    for page in pages {
        send(&mut rig, page);
    }
    rig
}

fn send(rig: &mut Rig, page: &[i64]) {
    let Step::Read(reading) = rig.next() else { panic!("the worker should read") };
    let last = *page.last().expect("events");
    let read = LaneBatch { has_more: true, ..batch(0, page, last) };
    let sends = rig.worker.on_read(&reading, vec![read], rig.now);
    rig.sent(&sends[0]);
    rig.advance(&[(0, last)]);
}

fn looks(rig: &mut Rig) -> TracksReading {
    match rig.next() {
        Step::Look(reading) => reading,
        other => panic!("it should look who waits, not {other:?}"),
    }
}

/// What is seen: so many of acme, and then one of globex, if it is there; and whether there is more.
fn seen(passed: i64, start: i64, is_there: bool, has_more: bool) -> TrackBatch {
    let last = start + passed;
    let mut events = Vec::new();
    if passed > 0 {
        let count = u32::try_from(passed).expect("a small number");
        events.push(TrackEvent { cursor: cursor(last), count, envelope: None });
    }
    if is_there {
        let envelope = Some(crate::worker::sample::envelope(last + 1));
        events.push(TrackEvent { cursor: cursor(last + 1), count: 1, envelope });
    }
    TrackBatch { lane: lane(), through: cursor(last + i64::from(is_there)), events, has_more }
}

fn split(rig: &mut Rig) -> TrackChange {
    match rig.next() {
        Step::Split(change) => change,
        other => panic!("it should be split off, not {other:?}"),
    }
}

fn apart(revision: i64, sequence: i64) -> Option<LaneTracks> {
    let track = TenantTrack { tenant: acme(), generation: 1, cursor: cursor(sequence), sequence };
    Some(LaneTracks { lane: lane(), revision, tracks: vec![track] })
}

#[test]
fn a_tenant_that_fills_a_lane_is_split_off_when_somebody_waits_behind_it() {
    let mut rig = crowded(6, &[&[1, 2, 3, 4], &[5, 6, 7, 8]]);
    let look = looks(&mut rig);
    let turn = &look.turns[0];
    assert_eq!((turn.lease.sequence, &turn.scope), (8, &TenantScope::Except(vec![acme()])));
    rig.worker.on_looked(&look, &[seen(1_000, 8, true, true)]);
    let change = split(&mut rig);
    assert_eq!((change.revision, &change.tenant), (0, &acme()));
    rig.worker.on_changed(&change, apart(1, 8));
    // What was looked through is not read again.
    rig.advance(&[(0, 1_008)]);
    let Step::ReadTracks(reading) = rig.next() else { panic!("then the others are read") };
    assert_eq!(reading.turns[0].lease.cursor, cursor(1_008));
    assert_eq!((rig.worker.tracks_held(), rig.worker.tracks_automatic()), (1, 1));
}

#[test]
fn a_tenant_behind_whom_nobody_waits_is_sent_on_and_looked_behind_once_for_each_backlog() {
    let mut rig = crowded(6, &[&[1, 2, 3, 4], &[5, 6, 7, 8]]);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(100, 8, false, true)]);
    send(&mut rig, &[9]);
    let look = looks(&mut rig);
    assert_eq!(look.turns[0].lease.sequence, 108, "it looks on from where it was");
    rig.worker.on_looked(&look, &[]);
    for number in 10..20 {
        send(&mut rig, &[number]);
    }
    rig.worker.news += 1;
    assert!(matches!(rig.next(), Step::Look(_)), "six events later, and something was committed");
}

#[test]
fn nobody_is_split_off_before_the_lane_is_crowded_or_when_that_is_turned_off() {
    let mut rig = crowded(9, &[&[1, 2, 3, 4], &[5, 6, 7, 8]]);
    assert!(matches!(rig.next(), Step::Read(_)));
    let mut rig = crowded(0, &[&[1, 2, 3, 4], &[5, 6, 7, 8]]);
    assert!(matches!(rig.next(), Step::Read(_)));
}

#[test]
fn a_lane_that_is_read_to_its_end_is_not_crowded() {
    let mut rig = crowded(6, &[&[1, 2, 3, 4]]);
    rig.read(&[0], &[]);
    rig.worker.news += 1;
    send(&mut rig, &[5, 6, 7, 8]);
    assert!(matches!(rig.next(), Step::Read(_)));
}

#[test]
fn nobody_is_split_off_whose_events_an_earlier_owner_may_have_sent() {
    let mut rig = crowded(2, &[&[1, 2]]);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(5, 2, true, true)]);
    send(&mut rig, &[3]);
    send(&mut rig, &[4]);
    // Four messages are what one send has at most here.
    assert_eq!(split(&mut rig).tenant, acme());
}

#[test]
fn nobody_is_split_off_while_the_outcome_of_a_send_is_open() {
    let mut rig = crowded(6, &[&[1, 2, 3, 4], &[5, 6]]);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(0, 6, false, true)]);
    let Step::Read(reading) = rig.next() else { panic!("looking and reading take turns") };
    let read = LaneBatch { has_more: true, ..batch(0, &[7, 8], 8) };
    let sends = rig.worker.on_read(&reading, vec![read], rig.now);
    rig.refused(&sends[0], 0);
    rig.pass(SECOND);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(0, 6, true, true)]);
    send(&mut rig, &[7]);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(0, 7, true, true)]);
    send(&mut rig, &[8]);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(0, 8, true, true)]);
    assert_eq!(split(&mut rig).tenant, acme());
}

#[test]
fn a_look_that_was_overtaken_by_another_split_moves_nothing() {
    let mut rig = crowded(6, &[&[1, 2, 3, 4], &[5, 6, 7, 8]]);
    let look = looks(&mut rig);
    rig.worker.on_looked(&look, &[seen(1_000, 8, true, true)]);
    let change = split(&mut rig);
    rig.worker.on_changed(&change, apart(3, 8));
    let Step::ReadTracks(reading) = rig.next() else { panic!("the main track goes on") };
    assert_eq!(reading.turns[0].lease.sequence, 8);
}
