//! Tenants that are served apart.

use super::{Rig, Step, batch, lease};
use crate::worker::step::TrackTurn;
use idp_application::{
    Lane, LaneTracks, TenantPolicy, TenantScope, TenantTrack, TrackBatch, TrackChange, TrackEvent,
};
use idp_domain::TenantId;

fn acme() -> TenantId {
    TenantId::new("acme").expect("valid")
}

/// The sample events are of acme.
fn paused() -> TenantPolicy {
    TenantPolicy { is_paused: true, ..TenantPolicy::usual(acme()) }
}

/// One that is told of a policy and met an event of its tenant; with the split it asks for.
fn met(policy: TenantPolicy) -> (Rig, TrackChange) {
    let mut rig = Rig::holding(1);
    rig.read(&[0], &[]);
    rig.worker.on_policies(vec![policy], rig.now);
    assert!(rig.read(&[0], &[(0, &[1, 2, 3])]).is_empty(), "nothing of it is sent");
    let Step::Split(change) = rig.next() else { panic!("it should be split off") };
    (rig, change)
}

fn tracks(revision: i64, at: &[(i64, i64)]) -> Option<LaneTracks> {
    let track = |(generation, sequence): &(i64, i64)| TenantTrack {
        tenant: acme(),
        generation: *generation,
        cursor: super::cursor(*sequence),
        sequence: *sequence,
    };
    let tracks = at.iter().map(track).collect();
    Some(LaneTracks { lane: Lane::from_number(0), revision, tracks })
}

fn turn(rig: &mut Rig) -> TrackTurn {
    match rig.next() {
        Step::ReadTracks(mut reading) => reading.turns.remove(0),
        other => panic!("a track should be read, not {other:?}"),
    }
}

#[test]
fn a_tenant_that_is_paused_is_split_off_and_the_others_are_read_past_it() {
    let (mut rig, change) = met(paused());
    assert_eq!((change.revision, change.epoch, &change.tenant), (0, 1, &acme()));
    assert!(!rig.worker.on_changed(&change, tracks(1, &[(1, 0)])));
    let turn = turn(&mut rig);
    assert_eq!(turn.scope, TenantScope::Except(vec![acme()]));
    assert_eq!((rig.worker.tracks_held(), rig.worker.tracks_paused()), (1, 1));
}

#[test]
fn a_split_without_an_answer_is_asked_again_before_anything_is_read() {
    let (mut rig, change) = met(paused());
    for _ in 0..3 {
        let pause = rig.worker.on_error(rig.now);
        rig.pass(pause);
        rig.worker.on_policies(Vec::new(), rig.now);
        assert_eq!(rig.next(), Step::Split(change.clone()), "also when nobody wants it any more");
    }
}

#[test]
fn a_lane_that_is_lost_is_not_split() {
    let (mut rig, change) = met(paused());
    assert!(rig.worker.on_changed(&change, None));
    assert_eq!(rig.worker.lanes_held(), 0);
}

#[test]
fn a_track_sends_under_its_own_name_and_the_numbers_of_the_lane() {
    let (mut rig, change) = met(TenantPolicy { weight: 3, ..TenantPolicy::usual(acme()) });
    rig.worker.on_changed(&change, tracks(1, &[(7, 0)]));
    let Step::ReadTracks(main) = rig.next() else { panic!("the main track comes first") };
    rig.worker.on_tracks_read(&main, Vec::new(), rig.now);
    let Step::ReadTracks(reading) = rig.next() else { panic!("then acme") };
    assert_eq!(reading.turns[0].scope, TenantScope::Only(acme()));
    let read = batch(0, &[1, 2, 3], 3);
    let events = read.events.into_iter().enumerate().map(|(place, event)| TrackEvent {
        cursor: event.cursor,
        count: 1,
        envelope: (place != 1).then_some(event.envelope),
    });
    let (lane, through, has_more) = (read.lane, read.through, false);
    let read = TrackBatch { lane, events: events.collect(), through, has_more };
    let sends = rig.worker.on_tracks_read(&reading, vec![read], rig.now);
    let sent: Vec<_> = sends[0].messages.iter().map(|message| message.sequence).collect();
    assert_eq!(sent, [1, 3], "what is passed over is counted");
    assert_eq!(sends[0].messages[0].stream.to_string(), "bus/0/tenant/acme/7");
    rig.sent(&sends[0]);
    let Step::RecordTracks(records) = rig.next() else { panic!("that is to be recorded") };
    assert_eq!(records[0].track.sequence, 3);
    let recorded = rig.worker.on_tracks_recorded(&records, &[Lane::from_number(0)]);
    assert_eq!((recorded.events, recorded.fenced), (3, vec![]));
}

#[test]
fn a_track_is_merged_where_it_meets_the_end_of_the_lane_when_nothing_is_special_about_it() {
    let (mut rig, change) = met(paused());
    rig.worker.on_changed(&change, tracks(1, &[(1, 0)]));
    rig.worker.on_policies(Vec::new(), rig.now);
    let Step::ReadTracks(main) = rig.next() else { panic!("there may be more in the lane") };
    assert_eq!(main.turns[0].scope, TenantScope::Except(vec![acme()]));
    rig.worker.on_tracks_read(&main, Vec::new(), rig.now);
    let Step::Merge(merge) = rig.next() else { panic!("both stand at the start") };
    assert_eq!((merge.revision, &merge.tenant), (1, &acme()));
    rig.worker.on_changed(&merge, tracks(2, &[]));
    rig.worker.news += 1;
    assert_eq!(rig.read(&[0], &[(0, &[1, 2])])[0].messages.len(), 2);
}

/// What may have arrived on the stream of the track must not be sent on that of the lane.
#[test]
fn a_track_of_which_a_send_failed_is_not_merged_before_it_was_sent_again() {
    let (mut rig, change) = met(TenantPolicy { weight: 3, ..TenantPolicy::usual(acme()) });
    rig.worker.on_changed(&change, tracks(1, &[(1, 0)]));
    let Step::ReadTracks(main) = rig.next() else { panic!("the main track comes first") };
    rig.worker.on_tracks_read(&main, Vec::new(), rig.now);
    let Step::ReadTracks(reading) = rig.next() else { panic!("then acme") };
    let sends = rig.worker.on_tracks_read(&reading, vec![all_of(&[1, 2, 3])], rig.now);
    let pause = rig.refused(&sends[0], 0).expect("it is sent again");
    rig.pass(pause);
    rig.worker.on_policies(Vec::new(), rig.now);
    let Step::ReadTracks(main) = rig.next() else { panic!("it is no merge: the lane is read on") };
    assert_eq!(main.turns[0].scope, TenantScope::Except(vec![acme()]));
    let mut passed = TrackBatch { has_more: false, ..all_of(&[]) };
    passed.pass(super::cursor(3), 3);
    rig.worker.on_tracks_read(&main, vec![passed], rig.now);
    rig.advance(&[(0, 3)]);
    let Step::ReadTracks(main) = rig.next() else { panic!("to its end") };
    rig.worker.on_tracks_read(&main, Vec::new(), rig.now);
    let Step::ReadTracks(reading) = rig.next() else { panic!("acme follows") };
    assert_eq!(reading.turns[0].until, Some(super::cursor(3)));
    let sends = rig.worker.on_tracks_read(&reading, vec![all_of(&[1, 2, 3])], rig.now);
    let (stream, sequence) = (&sends[0].messages[0].stream, sends[0].messages[0].sequence);
    assert_eq!((stream.to_string().as_str(), sequence), ("bus/0/tenant/acme/1", 1));
    rig.sent(&sends[0]);
    let Step::RecordTracks(records) = rig.next() else { panic!("that is to be recorded") };
    rig.worker.on_tracks_recorded(&records, &[Lane::from_number(0)]);
    let Step::Merge(_) = rig.next() else { panic!("now it is sure") };
}

/// Events of acme at these positions, and nothing else.
fn all_of(positions: &[i64]) -> TrackBatch {
    let read = batch(0, positions, positions.last().copied().unwrap_or_default());
    let events = read.events.into_iter().map(|event| TrackEvent {
        cursor: event.cursor,
        count: 1,
        envelope: Some(event.envelope),
    });
    let (lane, through, has_more) = (read.lane, read.through, false);
    TrackBatch { lane, events: events.collect(), through, has_more }
}

#[test]
fn a_track_that_is_to_be_merged_is_read_no_further_than_where_it_meets_the_lane() {
    let mut rig = Rig::holding(1);
    rig.worker.on_policies(Vec::new(), rig.now);
    let leases = [lease(0, 1)];
    rig.worker.on_tracks(&leases, tracks(5, &[(5, 2)]).into_iter().collect(), rig.now);
    rig.worker.on_blocked(&[Lane::from_number(0)], Vec::new());
    let turn = turn(&mut rig);
    assert_eq!(
        (turn.scope, turn.until),
        (TenantScope::Except(vec![acme()]), Some(super::cursor(2)))
    );
}
